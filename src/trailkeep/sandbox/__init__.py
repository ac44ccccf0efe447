"""An embedded AWS organization for the demo and the tests; the product never knows it is not AWS."""
