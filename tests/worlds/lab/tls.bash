# The lab's certificate authority, made anew for each lab, and the certificates of its web servers:
# a good one, and three that every client must refuse.

readonly TLS=$STATE/tls

tls_up() { [ -s "$STATE/ca.pem" ]; }

tls_says() { echo "$STATE/ca.pem"; }

tls_start() {
  mkdir -p "$TLS"
  chmod 0700 "$TLS"
  openssl_quiet req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TLS/ca.key" -out "$TLS/ca.crt" \
    -days 7 -subj "/CN=Cellblock lab CA" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
  leaf good 7 "$(good_names)"
  leaf expired -1 DNS:expired.lab.test
  leaf wrong-name 7 DNS:somebody-else.lab.test
  openssl_quiet req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TLS/self-signed.key" \
    -out "$TLS/self-signed.pem" -days 7 -subj /CN=self-signed.lab.test -addext subjectAltName=DNS:self-signed.lab.test
  # Last, and at once: the CA's certificate is what says that all of the others are there.
  install -m 0644 "$TLS/ca.crt" "$STATE/ca.pem.new"
  mv "$STATE/ca.pem.new" "$STATE/ca.pem"
}

openssl_quiet() { openssl "$@" 2>"$TLS/openssl.log" || { cat "$TLS/openssl.log" >&2; return 1; }; }

good_names() { "$PYTHON" "$LAB_DIR/zone.py" | sed 's/^/DNS:/' | paste -sd, -; }

# leaf NAME DAYS ALTNAMES: a key, and a certificate signed by the CA. Negative days: expired.
leaf() {
  openssl_quiet req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TLS/$1.key" -out "$TLS/$1.csr" -subj "/CN=$1"
  openssl_quiet x509 -req -in "$TLS/$1.csr" -CA "$TLS/ca.crt" -CAkey "$TLS/ca.key" -out "$TLS/$1.pem" -days "$2" \
    -extfile <(printf 'subjectAltName=%s\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n' "$3")
}
