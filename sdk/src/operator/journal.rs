//! What a deployment has done, in a file beside the poll file until that is written: a line for
//! each step, on disk before the next step is taken. Whoever runs the same deployment again goes on
//! there.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs4::fs_std::FileExt;
use maci_nova_chain::{Chain, Deployment, Observer};
use maci_nova_contracts::alloy_primitives::{Address, B256};
use maci_nova_contracts::deploy::{code_digest, DeployError, Gatekeeper, Journal, Shape, Step};
use maci_nova_files::sync_directory;
use serde::{Deserialize, Serialize};

use crate::error::{on_chain, Error};
use crate::hint::Hint;
use crate::poll::file::KeyDigests;

/// The format that this program reads and writes.
const VERSION: u32 = 1;

/// A journal has a few thousand bytes; one of more than this is something else.
const LARGEST: u64 = 1 << 16;

/// The first line: which deployment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    version: u32,
    chain_id: u64,
    account: Address,
    state_tree_depth: u8,
    vote_option_tree_depth: u8,
    events_per_step: u8,
    keys: KeyDigests,
    development_keys: bool,
    production: bool,
    /// The token that lets people sign up.
    sign_up_token: Option<Address>,
    /// The policy that does. Journals from before there were any do not have it, nor the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<Address>,
    /// The gatekeeper that was there already. Without any of the three everybody may sign up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gatekeeper: Option<Address>,
    /// Digest of the contracts' code: what was begun with other code is not finished with this one.
    #[serde(default)]
    code: B256,
}

/// What a [`Header`] is made of.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The chain.
    pub chain_id: u64,
    /// Who sends: the registry is theirs, so nobody else can go on.
    pub account: Address,
    /// Shape of the verifier.
    pub shape: Shape,
    /// Digests of the keys.
    pub keys: KeyDigests,
    /// Whether the keys were made without a ceremony.
    pub development_keys: bool,
    /// Whether such keys are refused.
    pub production: bool,
    /// Who may sign up.
    pub gatekeeper: Gatekeeper,
}

impl From<Subject> for Header {
    fn from(subject: Subject) -> Self {
        let (sign_up_token, policy, gatekeeper) = match subject.gatekeeper {
            Gatekeeper::FreeForAll => (None, None, None),
            Gatekeeper::SignUpToken(token) => (Some(token), None, None),
            Gatekeeper::Excubiae { policy } => (None, Some(policy), None),
            Gatekeeper::Existing(gatekeeper) => (None, None, Some(gatekeeper)),
        };
        Header {
            version: VERSION,
            chain_id: subject.chain_id,
            account: subject.account,
            state_tree_depth: subject.shape.state_tree_depth,
            vote_option_tree_depth: subject.shape.vote_option_tree_depth,
            events_per_step: subject.shape.events_per_step,
            keys: subject.keys,
            development_keys: subject.development_keys,
            production: subject.production,
            sign_up_token,
            policy,
            gatekeeper,
            code: code_digest(),
        }
    }
}

impl Header {
    /// What another header says otherwise.
    fn differences(&self, other: &Header) -> Vec<&'static str> {
        let shape = |header: &Header| {
            (
                header.state_tree_depth,
                header.vote_option_tree_depth,
                header.events_per_step,
            )
        };
        let gatekeeper = |header: &Header| (header.sign_up_token, header.policy, header.gatekeeper);
        let all = [
            (self.version != other.version, "format"),
            (self.chain_id != other.chain_id, "chain"),
            (self.account != other.account, "account"),
            (shape(self) != shape(other), "shape"),
            (self.keys != other.keys, "keys"),
            (
                self.development_keys != other.development_keys,
                "origin of the keys",
            ),
            (self.production != other.production, "production"),
            (gatekeeper(self) != gatekeeper(other), "gatekeeper"),
            (self.code != other.code, "the contracts' code"),
        ];
        let different = all.iter().filter(|(differs, _)| *differs);
        different.map(|(_, name)| *name).collect()
    }
}

/// A step that is done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    step: String,
    contract: Address,
    gas_used: u64,
    block_number: u64,
}

/// The file, locked as long as this lives.
pub struct FileJournal<'a> {
    path: PathBuf,
    file: File,
    done: BTreeMap<Step, Deployment>,
    observer: &'a dyn Observer,
    /// Why the last line could not be written.
    failure: Option<io::Error>,
}

impl fmt::Debug for FileJournal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileJournal")
            .field("path", &self.path)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

impl<'a> FileJournal<'a> {
    /// Where the journal of a poll file's deployment is.
    pub fn path(poll_file: &Path) -> PathBuf {
        poll_file.with_extension("deploy.jsonl")
    }

    /// Opens the journal, or begins one.
    pub fn open(path: PathBuf, header: &Header, observer: &'a dyn Observer) -> Result<Self, Error> {
        let file = lock(&path)?;
        let mut journal = FileJournal {
            path,
            file,
            done: BTreeMap::new(),
            observer,
            failure: None,
        };
        let text = journal.text()?;
        let mut lines = text.lines();
        let first = lines.next();
        for line in lines {
            let (step, deployment) = parse(line).ok_or_else(|| journal.damaged())?;
            journal.done.insert(step, deployment);
        }
        match first {
            None => journal.begin(header)?,
            Some(line) => {
                let found = serde_json::from_str(line).map_err(|_| journal.damaged())?;
                match journal.done.is_empty() {
                    // Nothing was done, so it may as well be another deployment.
                    true => journal.begin(header)?,
                    false => journal.check(&found, header)?,
                }
            }
        }
        Ok(journal)
    }

    /// The steps that are done.
    pub fn steps(&self) -> &BTreeMap<Step, Deployment> {
        &self.done
    }

    /// The chain must still have every contract of the journal.
    pub fn check_chain<C: Chain + ?Sized>(&self, chain: &C) -> Result<(), Error> {
        for (step, deployment) in &self.done {
            let contract = deployment.contract;
            let code = chain
                .code(contract)
                .map_err(on_chain(format!("read the code at {contract}")))?;
            if code.is_empty() {
                return Err(self.outdated(&format!(
                    "{} at {contract} is no longer on the chain, which was reset or reorganised",
                    step.name()
                )));
            }
        }
        Ok(())
    }

    /// What the journal says is not what the chain says.
    pub fn outdated(&self, reason: &str) -> Error {
        Error::OnChain(format!(
            "journal {}: {reason}; remove the file to deploy anew",
            self.path.display()
        ))
    }

    /// Removes the file: all is done, or nothing of it is wanted.
    pub fn remove(self) -> Result<(), Error> {
        let FileJournal { path, file, .. } = self;
        drop(file);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &path)(error))
            }
            _ => {
                let _ = sync_directory(&path);
                Ok(())
            }
        }
    }

    /// What a failed deployment means here.
    pub fn explain(&mut self, error: DeployError) -> Error {
        match error {
            DeployError::Chain { step, error } => {
                on_chain(format!("deploy ({})", step.name()))(error)
            }
            DeployError::Conflict(step) => {
                self.outdated(&format!("{} was done with another contract", step.name()))
            }
            DeployError::Gatekeeper(error) => error.into(),
            DeployError::Artifact(error) => Error::Internal(error.to_string()),
            DeployError::Journal(text) => {
                let source = self.failure.take();
                failed("write", &self.path)(source.unwrap_or_else(|| io::Error::other(text)))
            }
        }
    }

    /// The whole lines. A torn one, of a process that was killed while it wrote, is cut off.
    fn text(&mut self) -> Result<String, Error> {
        let mut bytes = Vec::new();
        let failed = failed("read", &self.path);
        let limited = (&mut self.file).take(LARGEST).read_to_end(&mut bytes);
        limited.map_err(&failed)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let length = whole.map_or(0, |position| position + 1);
        // Without a line, what is there must be the beginning of one of ours.
        if bytes.len() as u64 == LARGEST
            || (length == 0 && !b"{".starts_with(&bytes[..bytes.len().min(1)]))
        {
            return Err(self.damaged());
        }
        bytes.truncate(length);
        self.file.set_len(length as u64).map_err(&failed)?;
        self.file.seek(SeekFrom::End(0)).map_err(&failed)?;
        String::from_utf8(bytes).map_err(|_| self.damaged())
    }

    fn begin(&mut self, header: &Header) -> Result<(), Error> {
        let failed = failed("write", &self.path);
        self.file.set_len(0).map_err(&failed)?;
        self.file.rewind().map_err(&failed)?;
        self.append(header).map_err(failed)?;
        let _ = sync_directory(&self.path);
        Ok(())
    }

    fn check(&self, found: &Header, header: &Header) -> Result<(), Error> {
        let differences = header.differences(found);
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::Request(format!(
            "journal {} is of a deployment that was begun with other values of: {}",
            self.path.display(),
            differences.join(", ")
        ))
        .with_hint(Hint::SameDeployment))
    }

    fn damaged(&self) -> Error {
        Error::Request(format!(
            "{} is not a journal of a deployment",
            self.path.display()
        ))
        .with_hint(Hint::RemoveJournal)
    }

    /// Writes a line, which is on disk when this returns.
    fn append(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.file.sync_all()
    }
}

impl Journal for FileJournal<'_> {
    fn done(&self, step: Step) -> Option<Address> {
        self.done.done(step)
    }

    fn record(&mut self, step: Step, deployment: Deployment) -> Result<(), DeployError> {
        let line = Line {
            step: step.name().to_owned(),
            contract: deployment.contract,
            gas_used: deployment.gas_used,
            block_number: deployment.block_number,
        };
        if let Err(error) = self.append(&line) {
            let text = error.to_string();
            self.failure = Some(error);
            return Err(DeployError::Journal(text));
        }
        self.done.insert(step, deployment);
        self.observer.note(&format!(
            "{}: {} ({} gas)",
            step.name(),
            deployment.contract,
            deployment.gas_used
        ));
        Ok(())
    }
}

fn parse(line: &str) -> Option<(Step, Deployment)> {
    let line: Line = serde_json::from_str(line).ok()?;
    let deployment = Deployment {
        contract: line.contract,
        gas_used: line.gas_used,
        block_number: line.block_number,
    };
    Some((Step::from_name(&line.step)?, deployment))
}

/// Opens the file for this process alone.
fn lock(path: &Path) -> Result<File, Error> {
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path).map_err(failed("open", path))?;
    match file.try_lock_exclusive().map_err(failed("lock", path))? {
        true => Ok(file),
        false => Err(Error::Request(format!(
            "another process is deploying with journal {}; wait for it",
            path.display()
        ))),
    }
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        action,
        path: path.clone(),
        source,
    }
}
