#!/bin/sh
# Checks a report of 'trailkeep verify' without Trailkeep: with openssl, sha256sum, gunzip, base64 and sed.
#
#   ./verify.sh [--key PEM] [ARCHIVE_DIR]
#
# Without ARCHIVE_DIR: the signature of the report, and the SHA-256 of every file in it.
# With it, a copy of the bucket (ARCHIVE_DIR/KEY): also the signature of every digest with the public keys of
# CloudTrail in keys/, and that every log is the one that its digest lists.
# --key names the key that the report must be signed with; have it from whoever signed, not from the report.
# Exit codes: 0 all is as it was signed, 1 something is not. Save a copy of this file from elsewhere if you
# do not trust the report: a forger can change this file too.
LC_ALL=C
export LC_ALL
set -u
report=$(cd "$(dirname "$0")" && pwd) || exit 1
key=""
if [ "${1-}" = "--key" ]; then
    [ $# -ge 2 ] || { echo "--key: expected a file, got none" >&2; exit 1; }
    key=$2
    [ -r "$key" ] || { echo "--key: expected a readable file, got '$key'" >&2; exit 1; }
    shift 2
fi
archive=${1-}
[ $# -le 1 ] || { echo "expected [--key PEM] [ARCHIVE_DIR], got more" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
: > "$work/bad"
tab=$(printf '\t')

bad() {
    printf 'FAIL  %s\n' "$1"
    echo x >> "$work/bad"
}
stop() {
    bad "$1"
    echo "not as it was signed"
    exit 1
}
hash_of() {
    sha256sum < "$1" | cut -d' ' -f1
}

# 1. The envelope is exactly what is signed, with nothing beside it.
envelope="$report/statement.dsse.json"
[ -f "$envelope" ] || stop "statement.dsse.json: missing"
field() {
    sed -n "s/.*\"$1\":\"\([A-Za-z0-9+/=.-]*\)\".*/\1/p" "$envelope"
}
payload=$(field payload)
sig=$(field sig)
keyid=$(field keyid)
type="application/vnd.in-toto+json"
[ -n "$sig" ] || stop "statement.dsse.json: the report is not signed; nothing shows who made it"
printf '{"payload":"%s","payloadType":"%s","signatures":[{"keyid":"%s","sig":"%s"}]}\n' \
    "$payload" "$type" "$keyid" "$sig" > "$work/envelope"
cmp -s "$work/envelope" "$envelope" || stop "statement.dsse.json: no envelope of one statement and one signature"

# 2. The signature is over the DSSE v1 pre-authentication encoding of the payload.
printf '%s' "$payload" | base64 -d > "$work/body" 2> /dev/null || stop "statement.dsse.json: the payload is no base64"
[ "$(base64 < "$work/body" | tr -d '\n')" = "$payload" ] || stop "statement.dsse.json: the payload is no base64"
printf '%s' "$sig" | base64 -d > "$work/sig" 2> /dev/null || stop "statement.dsse.json: the signature is no base64"
[ "$(base64 < "$work/sig" | tr -d '\n')" = "$sig" ] || stop "statement.dsse.json: the signature is no base64"
{
    printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(wc -c < "$work/body")"
    cat "$work/body"
} > "$work/pae"
public=${key:-"$report/public-key.pem"}
openssl pkey -pubin -in "$public" -outform DER -out "$work/public.der" 2> /dev/null || stop "$public: no public key"
[ "$(hash_of "$work/public.der")" = "$keyid" ] || stop "statement.dsse.json: signed by $keyid, not by the key $(hash_of "$work/public.der")"
if openssl pkey -pubin -in "$public" -noout -text 2> /dev/null | grep -qi 'ed25519'; then
    openssl pkeyutl -verify -pubin -inkey "$public" -rawin -in "$work/pae" -sigfile "$work/sig" > /dev/null 2>&1
else
    openssl dgst -sha256 -verify "$public" -signature "$work/sig" "$work/pae" > /dev/null 2>&1
fi || stop "statement.dsse.json: the signature is not by this key"
echo "ok    signed by the key with SHA-256 $keyid"
[ -n "$key" ] || echo "note  this key came with the report; compare its SHA-256 with the one that the signer tells you"

# 3. Every file is the one that was signed, and there is no other.
tr '{' '\n' < "$work/body" |
    sed -n 's/^"sha256":"\([0-9a-f]*\)"},"name":"\([A-Za-z0-9_/.-]*\)"}.*/\1 \2/p' > "$work/files"
[ -s "$work/files" ] || stop "statement: it names no file"
while read -r want name; do
    case "/$name/" in
        */../* | *//*) bad "$name: no name of a file"; continue ;;
    esac
    if [ ! -f "$report/$name" ] || [ -L "$report/$name" ]; then
        bad "$name: missing"
    elif [ "$(hash_of "$report/$name")" != "$want" ]; then
        bad "$name: changed after it was signed"
    fi
done < "$work/files"
(cd "$report" && find . ! -type d) | sed 's/^\.\///' | while read -r name; do
    [ "$name" = statement.dsse.json ] || cut -d' ' -f2 "$work/files" | grep -qxF -e "$name" ||
        bad "$name: not a file of the report"
done
[ -s "$work/bad" ] && stop "the report is not as it was signed"
echo "ok    $(wc -l < "$work/files" | tr -d ' ') files are as they were signed"
sed -n 's/^{"verdict":"\([A-Z]*\)".*/\1/p' "$report/verification.json" |
    sed 's/^/note  the verdict that the report states: /'
[ -n "$archive" ] || { echo "as it was signed"; exit 0; }
[ -d "$archive" ] || stop "$archive: no folder"

# 4. Every digest: its key has the fingerprint that the digest names, and signed time, place, hash and link.
text() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$work/digest.flat"
}
check_digest() {
    gunzip -c < "$archive/$1" > "$work/digest" 2> /dev/null || { bad "$1: missing, or no gzip"; return; }
    got=$(hash_of "$work/digest")
    tr -d ' \t\r\n' < "$work/digest" > "$work/digest.flat"
    echo >> "$work/digest.flat"
    if [ -z "$5" ]; then
        [ "$got" = "$4" ] || { bad "$1: expected SHA-256 $4, got $got"; return; }
        printf '%s\n' "$1" >> "$work/proven"
        return
    fi
    pem="$report/keys/$2/$3.pem"
    [ -f "$pem" ] || { bad "$1: no key $3 of $2 in keys/"; return; }
    md5=$(openssl rsa -RSAPublicKey_in -in "$pem" -RSAPublicKey_out -outform DER 2> /dev/null | openssl dgst -md5 | sed 's/.* //')
    [ "$md5" = "$3" ] && [ "$(text digestPublicKeyFingerprint)" = "$3" ] || { bad "$1: another key than the digest names"; return; }
    openssl rsa -RSAPublicKey_in -in "$pem" -pubout -out "$work/rsa.pem" 2> /dev/null
    previous=$(text previousDigestSignature)
    [ "$(text digestS3Object)" = "$1" ] || { bad "$1: the digest is for another place"; return; }
    printf '%s\n%s/%s\n%s\n%s' "$(text digestEndTime)" "$(text digestS3Bucket)" "$1" "$got" "${previous:-null}" > "$work/tosign"
    printf '%s' "$5" | base64 -d > "$work/digest.sig" 2> /dev/null
    if openssl dgst -sha256 -verify "$work/rsa.pem" -signature "$work/digest.sig" "$work/tosign" > /dev/null 2>&1; then
        printf '%s\n' "$1" >> "$work/proven"
    else
        bad "$1: the signature is not by CloudTrail's key $3"
    fi
}
: > "$work/proven"
while IFS="$tab" read -r name region fingerprint sha signature; do
    check_digest "$name" "$region" "$fingerprint" "$sha" "$signature"
done < "$report/digests/digests.tsv"
echo "ok    $(wc -l < "$work/proven" | tr -d ' ') digests are signed by CloudTrail"

# 5. Every log unpacks to the bytes whose hash a proven digest lists at its name.
: > "$work/logs"
while IFS="$tab" read -r want name digest; do
    if ! gunzip -c < "$archive/$name" > "$work/log" 2> /dev/null; then
        bad "$name: missing, or no gzip"
    elif [ "$(hash_of "$work/log")" != "$want" ]; then
        bad "$name: expected SHA-256 $want, got $(hash_of "$work/log")"
    elif ! grep -qxF -e "$digest" "$work/proven"; then
        bad "$name: its digest $digest is not proven"
    elif ! gunzip -c < "$archive/$digest" | tr -d ' \t\r\n' | tr '{' '\n' |
        grep -F -e "\"s3Object\":\"$name\"" | grep -qF -e "\"hashValue\":\"$want\""; then
        bad "$name: its digest does not list it with this hash"
    else
        printf '%s\n' "$name" >> "$work/logs"
    fi
done < "$report/digests/logs.tsv"
echo "ok    $(wc -l < "$work/logs" | tr -d ' ') logs are as their digests list them"

# 6. What else lies in the copy.
cut -f1 "$report/digests/digests.tsv" > "$work/known"
cut -f2 "$report/digests/logs.tsv" >> "$work/known"
(cd "$archive" && find . -type f -name '*.json.gz') | sed 's/^\.\///' | while read -r name; do
    case "/$name" in */CloudTrail/* | */CloudTrail-Digest/*) ;; *) continue ;; esac
    grep -qxF -e "$name" "$work/known" && continue
    if cut -d, -f1 "$report/objects.csv" | grep -qF -e "/$name"; then
        echo "note  $name: the report does not call it proven"
    else
        bad "$name: not in the report"
    fi
done
[ -s "$work/bad" ] && stop "$(wc -l < "$work/bad" | tr -d ' ') things in the copy are not as they were signed"
echo "as it was signed"
