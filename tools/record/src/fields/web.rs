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
        /// Of the certificate's DER.
        hash: Hash,
        /// Whom it names.
        subject: String,
        /// Who signed it.
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
        /// What the client sent.
        client: TlsClient,
        /// What the server showed.
        server: TlsServer,
    }
}

field_set! {
    /// `url.*`
    Url {
        /// The whole of it.
        full: String,
        /// `http`, `https`, `wss`.
        scheme: String,
        /// The host.
        domain: String,
        /// 1 to 65535.
        port: u16,
        /// From the first slash, without the query.
        path: String,
    }
}

field_set! {
    /// `http.request.body.*` or `http.response.body.*`
    Body {
        /// Length in bytes.
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
        /// As it was sent.
        method: String,
        /// What was sent along.
        body: Body,
    }
}

field_set! {
    /// `http.response.*`
    Response {
        /// 100 to 599.
        status_code: u16,
        /// What came back.
        body: Body,
    }
}

field_set! {
    /// `http.*`
    Http {
        /// `1.1`, `2`.
        version: String,
        /// What was asked.
        request: Request,
        /// What was answered.
        response: Response,
    }
}
