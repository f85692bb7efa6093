//! Who is let in.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use maci_nova_jobs::{Broker, BrokerError, BrokerOptions, PrivateFileError};

use crate::support::{server, server_with, Server};

/// A pair of NATS' documentation.
const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const NKEY: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

fn connect_with(server: &Server, text: &str, mode: u32) -> Result<Broker, BrokerError> {
    let path = server.directory.path().join("credentials");
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("chmod");
    let mut options = server.options();
    options.credentials = Some(path);
    Broker::connect(&options)
}

#[test]
fn a_password_is_wanted_and_given() {
    let settings = "authorization { user: worker, password: \"s3:cret\" }";
    let Some(server) = server_with(settings) else {
        return;
    };
    let refused = |error: BrokerError| {
        assert!(matches!(error, BrokerError::Refused { .. }), "{error}");
        assert!(!error.is_transient() && error.to_string().contains("credentials"));
        assert!(!error.to_string().contains("wrong"));
    };
    refused(Broker::connect(&server.options()).expect_err("no password"));
    refused(connect_with(&server, "worker:wrong\n", 0o600).expect_err("another password"));
    refused(connect_with(&server, SEED, 0o600).expect_err("no password"));
    let broker = connect_with(&server, "worker:s3:cret\n", 0o600).expect("connected");
    assert!(broker.load().is_ok());
    assert!(!format!("{broker:?}").contains("s3"));
    for mode in [0o640, 0o604] {
        let error = connect_with(&server, "worker:s3:cret\n", mode).expect_err("exposed");
        let exposed = |error: &BrokerError| {
            matches!(
                error,
                BrokerError::Credentials(PrivateFileError::Exposed { .. })
            )
        };
        assert!(exposed(&error), "{error}");
    }
}

#[test]
fn a_key_is_wanted_and_given() {
    let settings = format!("authorization {{ users: [ {{ nkey: {NKEY} }} ] }}");
    let Some(server) = server_with(&settings) else {
        return;
    };
    let error = Broker::connect(&server.options()).expect_err("no key");
    assert!(matches!(error, BrokerError::Refused { .. }), "{error}");
    let broker = connect_with(&server, &format!("{SEED}\n"), 0o400).expect("connected");
    assert!(broker.load().is_ok());
}

#[test]
fn credentials_that_are_not_wanted_do_no_harm() {
    let Some(server) = server() else { return };
    assert!(connect_with(&server, "worker:password", 0o600).is_ok());
    let error = connect_with(&server, "what is this?", 0o600).expect_err("nothing");
    assert!(matches!(error, BrokerError::Credentials(_)), "{error}");
}

#[test]
fn a_server_that_keeps_nothing_is_told_what_to_do() {
    // Its account has no JetStream.
    let settings = "accounts { A { users: [ { user: a, password: a } ] } }\nno_auth_user: a";
    let Some(server) = server_with(settings) else {
        return;
    };
    let error = Broker::connect(&server.options()).expect_err("no JetStream");
    assert!(matches!(error, BrokerError::NoJetStream { .. }), "{error}");
    assert!(error.to_string().contains("store_dir"), "{error}");
}

/// Where a server is, spoken to in TLS alone.
fn encrypted(server: &Server) -> BrokerOptions {
    let mut options = server.options();
    let url = options.url.to_string().replace("nats://", "tls://");
    options.url = url.parse().expect("an address");
    options
}

#[test]
fn encryption_is_not_given_up() {
    let Some(server) = server() else { return };
    let mut options = encrypted(&server);
    for certificate in [None, Some(tls("authority.pem"))] {
        options.root_certificate = certificate;
        let error = Broker::connect(&options).expect_err("no TLS there");
        assert!(matches!(error, BrokerError::Tls { .. }), "{error:?}");
        assert!(!error.is_transient());
    }
    // Nor where the address does not ask for it.
    options.url = server.nats.url();
    let error = Broker::connect(&options).expect_err("no TLS there");
    assert!(matches!(error, BrokerError::Tls { .. }), "{error:?}");
    options.root_certificate = Some("/nonexistent/certificate".into());
    let error = Broker::connect(&options).expect_err("no certificate");
    assert!(matches!(error, BrokerError::Certificate(_)), "{error:?}");
}

/// A file of the tests' own authority, and of the server that it vouches for: they are secrets of
/// nobody, and good until 2126.
fn tls(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/tls")
        .join(name)
}

#[test]
fn an_encrypted_server_is_known_by_its_certificate() {
    let settings = format!(
        "tls {{ cert_file: {:?}, key_file: {:?} }}",
        tls("server.pem"),
        tls("server-key.pem")
    );
    let Some(server) = server_with(&settings) else {
        return;
    };
    let mut options = encrypted(&server);
    // The system does not know the tests' authority.
    let error = Broker::connect(&options).expect_err("unknown");
    assert!(matches!(error, BrokerError::Tls { .. }), "{error:?}");
    options.root_certificate = Some(tls("authority.pem"));
    let broker = Broker::connect(&options).expect("connected");
    assert!(broker.load().is_ok());
}

#[test]
fn a_stream_of_another_make_is_named() {
    let Some(server) = server() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let client = async_nats::connect(server.nats.url().to_string());
        let context = async_nats::jetstream::new(client.await.expect("connected"));
        let config = async_nats::jetstream::stream::Config {
            name: "maci-nova-jobs".into(),
            subjects: vec!["maci-nova.jobs.*.*".into()],
            ..Default::default()
        };
        context.create_stream(config).await.expect("made");
    });
    let error = Broker::connect(&server.options()).expect_err("another make");
    assert!(matches!(error, BrokerError::OtherStream { .. }), "{error}");
    assert!(!error.is_transient());
}
