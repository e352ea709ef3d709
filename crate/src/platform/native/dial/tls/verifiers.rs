//! The verification of a server's certificate: by root certificates, or by exact certificates.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use crate::platform::native::dial::tls::validity::validity;

/// A verifier that accepts a certificate if any of its checks does.
///
/// It checks itself that the server owns the key of its certificate.
#[derive(Debug)]
pub(super) struct AnyOfVerifier {
    /// The checks in the order in which they are tried. The first one's error is reported.
    ///
    /// `None` accepts any certificate.
    pub(super) checks: Option<Vec<CertificateCheck>>,
    pub(super) provider: Arc<CryptoProvider>,
}

/// A check of certificates. It does not check the signatures of handshakes.
#[derive(Debug)]
pub(super) enum CertificateCheck {
    /// Accepts what a root certificate vouches for.
    Roots(Arc<dyn ServerCertVerifier>),
    /// Accepts these certificates, and no others.
    Pinned(Vec<CertificateDer<'static>>),
}

impl CertificateCheck {
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        match self {
            Self::Roots(verifier) => {
                verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp, now).map(drop)
            }
            Self::Pinned(pinned) if pinned.contains(end_entity) => {
                check_validity(end_entity, now)?;
                check_name(end_entity, server_name)
            }
            Self::Pinned(_) => Err(CertificateError::Other(OtherError(Arc::new(CertificateProblem::NotPinned))).into()),
        }
    }
}

/// Checks that the certificate is valid now.
fn check_validity(certificate: &CertificateDer<'_>, time: UnixTime) -> Result<(), Error> {
    let Some(validity) = validity(certificate) else { return Err(CertificateError::BadEncoding.into()) };
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let time_of =
        |seconds: i64| UnixTime::since_unix_epoch(Duration::from_secs(seconds.try_into().unwrap_or_default()));
    if seconds < *validity.start() {
        return Err(CertificateError::NotValidYetContext { time, not_before: time_of(*validity.start()) }.into());
    }
    if seconds > *validity.end() {
        return Err(CertificateError::ExpiredContext { time, not_after: time_of(*validity.end()) }.into());
    }
    Ok(())
}

/// Checks that the certificate is for this name, if it is for certain names at all.
///
/// `openssl req -x509` makes certificates without a list of names. As the certificate is pinned, that opens no way to
/// another server.
fn check_name(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
    match verify_server_name(&ParsedCertificate::try_from(certificate)?, name) {
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }))
            if presented.is_empty() =>
        {
            Ok(())
        }
        checked => checked,
    }
}

impl ServerCertVerifier for AnyOfVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(checks) = &self.checks else { return Ok(ServerCertVerified::assertion()) };
        let mut first_error = None;
        for check in checks {
            match check.verify(end_entity, intermediates, server_name, ocsp, now) {
                Ok(()) => return Ok(ServerCertVerified::assertion()),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or_else(|| CertificateError::UnknownIssuer.into()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The reasons against a certificate for which there is an option.
#[derive(Clone, Debug)]
pub(super) enum CertificateProblem {
    /// The certificate is none of the pinned ones.
    NotPinned,
    /// The certificate is that of an issuer, which webpki never accepts for a server.
    OfAnIssuer(Error),
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPinned => "the certificate is not the one that `pinned_certificate` trusts",
            Self::OfAnIssuer(_) => {
                "the certificate is marked as that of an issuer (CA:TRUE), which `root_certificate` does not trust for \
                 a server; to trust exactly this certificate, pass it to `pinned_certificate`"
            }
        })
    }
}

impl StdError for CertificateProblem {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::NotPinned => None,
            Self::OfAnIssuer(error) => Some(error),
        }
    }
}
