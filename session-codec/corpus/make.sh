#!/usr/bin/env bash
# Makes client sessions with the `openssl` on the search path, over loopback, one file for each row
# below: `corpus/make.sh FOLDER`. The committed files were made by OpenSSL 3.0.
set -euo pipefail

folder=${1:?a folder to write to}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

key() { # NAME GENPKEY-ARGUMENTS...
    local name=$1
    shift
    openssl genpkey -out "$name.key" "$@" 2>/dev/null
    openssl req -x509 -key "$name.key" -out "$name.pem" -subj "/CN=$name.example" -days 3650
}
key ec -algorithm EC -pkeyopt ec_paramgen_curve:P-256
key rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048
key ed25519 -algorithm ED25519
key client -algorithm EC -pkeyopt ec_paramgen_curve:P-384

# NAME : SERVER ARGUMENTS : CLIENT ARGUMENTS
session() {
    local name=$1 server_arguments=$2 client_arguments=$3 port=$((20000 + RANDOM % 20000)) try
    # The arguments are lists of words.
    # shellcheck disable=SC2086
    openssl s_server -accept "127.0.0.1:$port" -quiet $server_arguments >server.log 2>&1 </dev/null &
    server=$!
    rm -f session.pem
    for try in 1 2 3 4 5 6 7 8 9 10; do
        sleep 0.2
        # The pause lets the tickets of TLS 1.3 arrive.
        # shellcheck disable=SC2086
        (sleep 0.4; echo Q) |
            openssl s_client -connect "127.0.0.1:$port" -sess_out session.pem $client_arguments \
                >client.log 2>&1 || true
        [ ! -s session.pem ] || break
    done
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
    if [ ! -s session.pem ]; then
        echo "$name: no session" >&2
        tail -n 3 server.log client.log >&2
        return 1
    fi
    openssl sess_id -in session.pem -outform DER -out "$folder/$name.der"
    echo "$name: $(wc -c <"$folder/$name.der") bytes"
}

ec="-cert ec.pem -key ec.key"
rsa="-cert rsa.pem -key rsa.key"
sni="-servername www.example.org -cert2 ec.pem -key2 ec.key"
weak="-cipher ALL:@SECLEVEL=0"
psk="-nocert -psk 0123456789abcdef0123456789abcdef"
session made_tls12_ec_id "$ec -no_ticket" "-tls1_2 -CAfile ec.pem"
session made_tls12_ec_ticket "$ec" "-tls1_2"
session made_tls12_ed25519 "-cert ed25519.pem -key ed25519.key" "-tls1_2"
session made_tls12_rsa_dhe "$rsa" "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256"
session made_tls12_rsa_key_exchange "$rsa" "-tls1_2 -cipher AES256-GCM-SHA384"
session made_tls12_cbc_sha "$ec" "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA"
session made_tls12_sni_alpn "$ec $sni -alpn h2,http/1.1" "-tls1_2 -servername www.example.org -alpn http/1.1"
session made_tls12_client_certificate "$ec -Verify 1 -CAfile client.pem" "-tls1_2 -cert client.pem -key client.key"
session made_tls12_max_fragment "$ec" "-tls1_2 -maxfraglen 1024"
session made_tls12_psk "$psk -psk_hint from_the_server" "-tls1_2 -psk 0123456789abcdef0123456789abcdef -psk_identity somebody"
session made_tls11_rsa "$rsa -tls1_1 $weak" "-tls1_1 $weak"
session made_tls10_rsa "$rsa -tls1 $weak" "-tls1 $weak"
session made_dtls12_ec "$ec -dtls1_2" "-dtls1_2"
session made_dtls10_rsa "$rsa -dtls1 $weak" "-dtls1 $weak"
session made_tls13_ec_stateless "$ec" "-tls1_3"
session made_tls13_ec_stateful "$ec -no_ticket" "-tls1_3"
session made_tls13_rsa_verified "$rsa" "-tls1_3 -CAfile rsa.pem"
session made_tls13_aes128_p384 "$ec -groups P-384" "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256"
session made_tls13_chacha20 "$ec" "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256"
session made_tls13_ccm "$ec -ciphersuites TLS_AES_128_CCM_SHA256" "-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256"
session made_tls13_early_data_stateful "$ec -max_early_data 16384" "-tls1_3"
session made_tls13_early_data_stateless "$ec -max_early_data 4096 -no_anti_replay" "-tls1_3"
session made_tls13_sni_alpn "$ec $sni -alpn h2" "-tls1_3 -servername www.example.org -alpn h2"
session made_tls13_client_certificate "$ec -Verify 1 -CAfile client.pem" "-tls1_3 -cert client.pem -key client.key"
session made_tls13_psk "$psk" "-tls1_3 -psk 0123456789abcdef0123456789abcdef"
