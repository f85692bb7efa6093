//! Putting the system on a chain, and going on after a failure.

use std::collections::BTreeMap;

use maci_nova_chain::{view, Chain, Deployment};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::bindings::{FreeForAllGatekeeper, VkRegistry, MACI};
use maci_nova_contracts::deploy::{
    self, system, Addresses, DeployError, Gatekeeper, GatekeeperError, Journal, Plan, Shape, Step,
};
use maci_nova_contracts::evm::{Evm, SENDER};

use maci_nova_contracts::testing::decider::{rng, Trapdoors};
use maci_nova_contracts::testing::groth16::Trapdoors as PlainTrapdoors;

pub fn plan(vote_depth: u8) -> Plan {
    Plan {
        shape: Shape {
            state_tree_depth: 4,
            vote_option_tree_depth: vote_depth,
            events_per_step: 1,
        },
        decider_key: Trapdoors::random(&mut rng(400)).key(),
        join_key: PlainTrapdoors::random(&mut rng(401)).key(),
        bundle_key: PlainTrapdoors::random(&mut rng(402)).key(),
        bundle_messages: 100,
        development_keys: true,
        production: false,
        join_depth: 32,
        gatekeeper: Gatekeeper::FreeForAll,
        owner: SENDER,
    }
}

/// What a system that lets everybody in is made of.
fn steps() -> Vec<Step> {
    Gatekeeper::FreeForAll.steps().collect()
}

fn assert_works(evm: &Evm, addresses: &Addresses) {
    let maci = view(
        evm,
        addresses.gatekeeper,
        &FreeForAllGatekeeper::maciCall {},
    )
    .unwrap();
    assert_eq!(maci, addresses.maci);
    let call = VkRegistry::verifierOfCall {
        shape: VkRegistry::Shape {
            stateTreeDepth: 4,
            voteOptionTreeDepth: 2,
            eventsPerStep: 1,
        },
    };
    let verifier = view(evm, addresses.registry, &call).unwrap().verifier;
    assert_eq!(verifier, addresses.decider_verifier);
    let told = view(evm, addresses.maci, &MACI::REGISTRYCall {}).unwrap();
    assert_eq!(told, addresses.registry);
    let told = view(evm, addresses.maci, &MACI::JOIN_VERIFIERCall {}).unwrap();
    assert_eq!(told, addresses.join_verifier);
    let told = view(evm, addresses.maci, &MACI::FACTORYCall {}).unwrap();
    assert_eq!(told, addresses.factory);
}

#[test]
fn a_whole_system() {
    let mut evm = Evm::new();
    let mut journal = BTreeMap::new();
    let addresses = system(&mut evm, SENDER, &plan(2), &mut journal).unwrap();
    assert_works(&evm, &addresses);
    assert_eq!(journal.keys().copied().collect::<Vec<_>>(), steps());
    let blocks = evm.latest().number;
    assert_eq!(blocks, steps().len() as u64);
    // A second time nothing is sent.
    let again = system(&mut evm, SENDER, &plan(2), &mut journal).unwrap();
    assert_eq!(again, addresses);
    assert_eq!(evm.latest().number, blocks);
}

/// Fails to remember one step: the process was killed right after the transaction.
struct Killed {
    done: BTreeMap<Step, Deployment>,
    at: Step,
}

impl Journal for Killed {
    fn done(&self, step: Step) -> Option<Address> {
        self.done.done(step)
    }

    fn record(&mut self, step: Step, deployment: Deployment) -> Result<(), DeployError> {
        if step == self.at {
            return Err(DeployError::Journal("killed".to_owned()));
        }
        self.done.record(step, deployment)
    }
}

#[test]
fn a_deployment_goes_on_after_each_step() {
    for at in steps() {
        let mut evm = Evm::new();
        let done = BTreeMap::new();
        let mut killed = Killed { done, at };
        let error = system(&mut evm, SENDER, &plan(2), &mut killed).unwrap_err();
        assert!(matches!(error, DeployError::Journal(_)), "{error}");
        let mut journal = killed.done;
        let before = journal.clone();
        let addresses = system(&mut evm, SENDER, &plan(2), &mut journal).unwrap();
        assert_works(&evm, &addresses);
        for (step, deployment) in before {
            assert_eq!(journal[&step], deployment, "{step:?} was done twice");
        }
        // A call that went through is not sent again; a contract that nobody noted is made anew.
        let calls = [Step::SetVerifier, Step::SetMaci].contains(&at);
        let sent = steps().len() as u64 + u64::from(!calls);
        assert_eq!(evm.latest().number, sent, "{at:?}");
    }
}

#[test]
fn another_verifier_or_maci_in_the_way() {
    let mut evm = Evm::new();
    let mut journal = BTreeMap::new();
    system(&mut evm, SENDER, &plan(2), &mut journal).unwrap();
    for (forgotten, call) in [
        (Step::DeciderVerifier, Step::SetVerifier),
        (Step::Maci, Step::SetMaci),
    ] {
        let mut journal = journal.clone();
        journal.remove(&forgotten);
        journal.remove(&call);
        let error = system(&mut evm, SENDER, &plan(2), &mut journal).unwrap_err();
        assert_eq!(error, DeployError::Conflict(call));
    }
}

#[test]
fn a_refusal_names_its_step() {
    let mut plan = plan(2);
    plan.production = true;
    let error = system(&mut Evm::new(), SENDER, &plan, &mut BTreeMap::new()).unwrap_err();
    let DeployError::Chain { step, error } = error else {
        panic!("{error}");
    };
    assert_eq!(step, Step::SetVerifier);
    let refusal =
        VkRegistry::VkRegistryErrors::DevelopmentVerifier(VkRegistry::DevelopmentVerifier {});
    assert_eq!(error.revert(), Some(refusal));
}

#[test]
fn another_account_owns_the_registry() {
    let mut evm = Evm::new();
    let mut plan = plan(2);
    plan.owner = evm.accounts()[5];
    let addresses = system(&mut evm, SENDER, &plan, &mut BTreeMap::new()).unwrap();
    let owner = view(&evm, addresses.registry, &VkRegistry::ownerCall {}).unwrap();
    assert_eq!(owner, plan.owner);
}

#[test]
fn a_gatekeeper_for_a_token() {
    let mut evm = Evm::new();
    let code = deploy::sign_up_token(SENDER).unwrap();
    let token = maci_nova_chain::deploy(&mut evm, SENDER, code);
    let token = token.unwrap().contract;
    let mut plan = plan(2);
    plan.gatekeeper = Gatekeeper::SignUpToken(token);
    let addresses = system(&mut evm, SENDER, &plan, &mut BTreeMap::new()).unwrap();
    let call = maci_nova_contracts::bindings::SignUpTokenGatekeeper::TOKENCall {};
    assert_eq!(view(&evm, addresses.gatekeeper, &call).unwrap(), token);
    let count = view(&evm, addresses.maci, &MACI::rootCountCall {}).unwrap();
    assert_eq!(count, U256::ZERO);
}

/// A gatekeeper that lets everybody in, of the account with this index.
fn gatekeeper_of(evm: &mut Evm, owner: usize) -> Address {
    let code = deploy::free_for_all_gatekeeper(evm.accounts()[owner]).unwrap();
    let deployment = maci_nova_chain::deploy(evm, SENDER, code);
    deployment.unwrap().contract
}

/// What the journal has and the chain has lost is said, or sent, again.
#[test]
fn a_call_of_the_gatekeeper_that_was_undone() {
    let mut evm = Evm::new();
    let owner = evm.accounts()[1];
    let mut plan = plan(2);
    let gatekeeper = gatekeeper_of(&mut evm, 1);
    plan.gatekeeper = Gatekeeper::Existing(gatekeeper);
    let mut journal = BTreeMap::new();
    let missing = system(&mut evm, SENDER, &plan, &mut journal).unwrap_err();
    let DeployError::Gatekeeper(GatekeeperError::MaciMissing { maci, .. }) = missing else {
        panic!("{missing}");
    };
    let mut lost = evm.clone();
    let call = FreeForAllGatekeeper::setMaciCall { newMaci: maci };
    let ether = U256::ZERO;
    maci_nova_chain::send(&mut lost, owner, gatekeeper, &call, ether).unwrap();
    system(&mut lost, SENDER, &plan, &mut journal).unwrap();
    assert!(journal.contains_key(&Step::SetMaci));

    let newest = evm.latest();
    let error = system(&mut evm, SENDER, &plan, &mut journal).unwrap_err();
    assert_eq!(error, missing);
    assert_eq!(evm.latest(), newest);
    let addresses = system(&mut evm, owner, &plan, &mut journal).unwrap();
    assert_works(&evm, &addresses);
    assert_eq!(evm.latest().number, newest.number + 1);
}

#[test]
fn a_token_that_says_what_it_is() {
    let mut evm = Evm::new();
    let mut put = |code: Result<_, _>| {
        let deployment = maci_nova_chain::deploy(&mut evm, SENDER, code.unwrap());
        deployment.unwrap().contract
    };
    let [erc721, erc20, other] = [
        put(deploy::sign_up_token(SENDER)),
        put(deploy::sample_token(SENDER)),
        put(deploy::free_for_all_gatekeeper(SENDER)),
    ];
    for (token, expected) in [(erc721, true), (erc20, false), (other, false)] {
        assert_eq!(deploy::says_erc721(&evm, token), Ok(expected));
    }
}
