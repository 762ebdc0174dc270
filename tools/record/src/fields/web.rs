//! `tls.*`, `url.*` and `http.*`.

use super::{Hash, field_set};

field_set! {
    /// `tls.client.*`
    TlsClient {
        /// The name sent in the handshake (SNI, RFC 6066).
        server_name: String,
    }
}

field_set! {
    /// `tls.server.*`: the leaf certificate that was shown.
    TlsServer {
        /// Hashes of the certificate's DER.
        hash: Hash,
        /// The subject's distinguished name.
        subject: String,
        /// The issuer's distinguished name.
        issuer: String,
        /// First second of its life, RFC 3339.
        not_before: String,
        /// Last second of its life, RFC 3339.
        not_after: String,
    }
}

field_set! {
    /// `tls.*`
    Tls {
        /// `1.2`, `1.3`.
        version: String,
        /// IANA's name of the cipher suite.
        cipher: String,
        /// Did the handshake end well?
        established: bool,
        /// The part that the client sent: its server name.
        client: TlsClient,
        /// The part that the server showed: its certificate.
        server: TlsServer,
    }
}

field_set! {
    /// `url.*`
    Url {
        /// The whole URL, where it is one.
        full: String,
        /// `http`, `https`, `wss`.
        scheme: String,
        /// The host, without its port.
        domain: String,
        /// 1 to 65535.
        port: u16,
        /// The path from its first slash, without the query.
        path: String,
    }
}

field_set! {
    /// `http.request.body.*` or `http.response.body.*`
    Body {
        /// The body's length in bytes.
        bytes: u64,
        /// The start of it, where that is the evidence.
        content: String,
    }
}

field_set! {
    /// `http.request.*`
    Request {
        /// The gate's id of the request.
        id: String,
        /// The method, spelled as the client sent it.
        method: String,
        /// The body that the client sent.
        body: Body,
    }
}

field_set! {
    /// `http.response.*`
    Response {
        /// The status, 100 to 599.
        status_code: u16,
        /// The body that came back.
        body: Body,
    }
}

field_set! {
    /// `http.*`
    Http {
        /// `1.1`, `2`.
        version: String,
        /// The request, as the client sent it.
        request: Request,
        /// The response, as the client got it.
        response: Response,
    }
}
