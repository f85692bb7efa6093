//! Credits from the votes of a token at a snapshot: what can be known of them before a poll is
//! made.

use maci_nova_chain::clock::{self, utc};
use maci_nova_chain::{BlockId, Chain, Observer};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::bindings::SampleToken;

use crate::error::{on_chain, setting, Error};
use crate::hint::Hint;
use crate::operator::probes::{self, TOO_MANY_CREDITS};
use crate::setting::Setting;

/// No chain has as many blocks, and no poll is as old, in seconds since 1970.
const FIRST_TIME: u64 = 1_000_000_000;

/// Votes of a token as credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VotesCredits {
    /// An ERC-20 with votes (ERC-5805).
    pub token: Address,
    /// The block, or time, whose votes are read.
    pub snapshot: u64,
    /// Votes for one credit, in the token's smallest unit.
    pub factor: U256,
}

/// What a token's snapshots count (ERC-6372).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Blocks,
    Seconds,
}

impl VotesCredits {
    /// Refuses what would give nobody credits, or everybody the same; `start` is the poll's.
    pub fn check<C: Chain + ?Sized>(
        &self,
        chain: &C,
        start: u64,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        if self.factor.is_zero() {
            return setting(
                Setting::VotesPerCredit,
                "is 0: give the votes for one credit",
            );
        }
        let unit = self.unit(chain)?;
        self.check_unit(unit)?;
        let clock = self.clock(chain)?;
        self.check_votes(chain, self.snapshot.min(clock.saturating_sub(1)))?;
        if self.snapshot < clock {
            return self.check_factor(chain, observer);
        }
        let passes = self.passes(chain, unit, clock)?;
        if passes >= start {
            return setting(Setting::Snapshot, format!("{} passes at about {}, not before the poll's start at {}: its token tells the votes of the past alone, so that no one could join",
                self.snapshot,
                utc(passes),
                utc(start)
            ));
        }
        observer.warn(&format!(
            "snapshot {} is still to come, at about {}: no one can join before, and what votes are worth cannot be checked now",
            self.snapshot,
            utc(passes)
        ));
        Ok(())
    }

    /// A token with votes tells them for any account and time in the past.
    fn check_votes<C: Chain + ?Sized>(&self, chain: &C, timepoint: u64) -> Result<(), Error> {
        let votes = SampleToken::getPastVotesCall {
            account: Address::ZERO,
            timepoint: U256::from(timepoint),
        };
        match self.ask(chain, &votes)? {
            Some(_) => Ok(()),
            None => setting(Setting::VotesToken, format!("{} does not tell votes at {timepoint}: it is not a token with votes, and no one could join",
                self.token
            )),
        }
    }

    /// About when a snapshot that is still to come is in the past, in seconds since 1970.
    fn passes<C: Chain + ?Sized>(&self, chain: &C, unit: Unit, clock: u64) -> Result<u64, Error> {
        if unit == Unit::Seconds {
            return Ok(self.snapshot);
        }
        let now = clock::newest(chain).map_err(on_chain("read the newest block"))?;
        let seconds = clock::block_time(chain).map_err(on_chain("read the newest block"))?;
        let blocks = self.snapshot.saturating_sub(clock);
        Ok(now.saturating_add((blocks as f64 * seconds) as u64))
    }

    fn unit<C: Chain + ?Sized>(&self, chain: &C) -> Result<Unit, Error> {
        // ERC-5805: a token that does not say counts blocks.
        let mode = self.ask(chain, &SampleToken::CLOCK_MODECall {})?;
        let chain_id = chain.chain_id().map_err(on_chain("read the chain id"))?;
        let here = format!("mode=blocknumber&from=eip155:{chain_id}");
        match mode.as_deref().unwrap_or("mode=blocknumber&from=default") {
            "mode=timestamp" => Ok(Unit::Seconds),
            "mode=blocknumber&from=default" => Ok(Unit::Blocks),
            other if other == here => Ok(Unit::Blocks),
            other => setting(Setting::VotesToken, format!("{} counts its snapshots in \"{other}\", which is neither seconds nor blocks of this chain", self.token)).map_err(|error| error.with_hint(Hint::CreditsContract)),
        }
    }

    fn check_unit(&self, unit: Unit) -> Result<(), Error> {
        let snapshot = self.snapshot;
        match unit {
            Unit::Seconds if snapshot < FIRST_TIME => setting(
                Setting::Snapshot,
                format!(
                    "{snapshot}: this token counts seconds since 1970, not blocks; give a time"
                ),
            ),
            Unit::Blocks if snapshot >= FIRST_TIME => setting(
                Setting::Snapshot,
                format!("{snapshot}: this token counts blocks, not seconds; give a block's number"),
            ),
            _ => Ok(()),
        }
    }

    /// The token's present time: it tells the votes of those before.
    fn clock<C: Chain + ?Sized>(&self, chain: &C) -> Result<u64, Error> {
        match self.ask(chain, &SampleToken::clockCall {})? {
            Some(clock) => Ok(clock.to::<u64>()),
            None => {
                let newest = chain.block(BlockId::Latest);
                Ok(newest.map_err(on_chain("read the newest block"))?.number)
            }
        }
    }

    fn check_factor<C: Chain + ?Sized>(
        &self,
        chain: &C,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        let timepoint = U256::from(self.snapshot);
        let supply = self.ask(chain, &SampleToken::getPastTotalSupplyCall { timepoint })?;
        // Not every token with votes tells it, but each tells votes.
        let Some(supply) = supply else {
            observer.warn(&format!(
                "votes token {} does not tell its supply at {}: what votes are worth cannot be checked",
                self.token, self.snapshot
            ));
            return Ok(());
        };
        let all = supply / self.factor;
        if all.is_zero() {
            return setting(Setting::VotesPerCredit, format!("{}: all of the token's {supply} votes at the snapshot are less than one credit",
                self.factor
            ));
        }
        self.check_one_token(chain, supply)?;
        if all >= TOO_MANY_CREDITS {
            observer.warn(&format!(
                "all votes at the snapshot together are {all} credits, and an account gets {} at most: more than {} votes give no more than that",
                u32::MAX,
                U256::from(u32::MAX).saturating_mul(self.factor)
            ));
        }
        observer.note(&format!(
            "all votes at the snapshot together are {all} credits, if they were delegated"
        ));
        Ok(())
    }

    /// A factor that forgets the token's decimals gives the most credits that there are for a
    /// crumb.
    fn check_one_token<C: Chain + ?Sized>(&self, chain: &C, supply: U256) -> Result<(), Error> {
        // Decimals are optional in ERC-20.
        let Some(decimals) = self.ask(chain, &SampleToken::decimalsCall {})? else {
            return Ok(());
        };
        let Some(one) = U256::from(10).checked_pow(U256::from(decimals)) else {
            return Ok(());
        };
        match one.min(supply) / self.factor < TOO_MANY_CREDITS {
            true => Ok(()),
            false => setting(Setting::VotesPerCredit, format!("{}: a holder of a single token would get the most credits possible, since the token has {decimals} decimals; {one} is a credit for each token",
                self.factor
            )),
        }
    }

    /// `None` if the token does not know the call.
    fn ask<C: Chain + ?Sized, S: SolCall>(
        &self,
        chain: &C,
        call: &S,
    ) -> Result<Option<S::Return>, Error> {
        Ok(probes::ask(chain, self.token, call)?.ok())
    }
}

#[cfg(test)]
mod tests {
    use maci_nova_chain as chain;
    use maci_nova_contracts::artifact::{Artifact, Libraries};
    use maci_nova_contracts::deploy;
    use maci_nova_contracts::evm::SENDER;

    use super::*;
    use crate::testing::{World, QUIET};

    /// Votes of one token.
    const ONE: u64 = 1_000_000_000_000_000_000;
    const TOKENS: u64 = 5;
    /// Seconds until the poll starts: 300 blocks.
    const START: u64 = 3600;

    const TIMED: Artifact = Artifact {
        name: "TimedVotes",
        json: include_str!("../../../contracts/tests/out/Ecosystem.sol/TimedVotes.json"),
    };
    const CLOCKLESS: Artifact = Artifact {
        name: "ClocklessVotes",
        json: include_str!("../../../contracts/tests/out/Ecosystem.sol/ClocklessVotes.json"),
    };

    fn deploy(world: &mut World, artifact: Artifact) -> Address {
        let code = artifact.link(&Libraries::new()).unwrap();
        chain::deploy(&mut world.evm, SENDER, code)
            .unwrap()
            .contract
    }

    fn mint(world: &mut World, token: Address, amount: u64) {
        let (to, amount) = (SENDER, U256::from(amount));
        let call = SampleToken::mintCall { to, amount };
        chain::send(&mut world.evm, SENDER, token, &call, U256::ZERO).unwrap();
    }

    fn check(world: &World, token: Address, snapshot: u64, factor: u64) -> Result<(), String> {
        let factor = U256::from(factor);
        let credits = VotesCredits {
            token,
            snapshot,
            factor,
        };
        let checked = credits.check(&world.evm, world.now() + START, &QUIET);
        checked.map_err(|failure| failure.to_string())
    }

    #[track_caller]
    fn refuses(outcome: Result<(), String>, words: &str) {
        let error = outcome.expect_err(words);
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn a_factor_fits_its_token() {
        let mut world = World::new();
        let token = world.token();
        let before = world.evm.latest().number;
        mint(&mut world, token, TOKENS * ONE);
        let snapshot = world.evm.latest().number;
        world.evm.mine(1);
        assert_eq!(check(&world, token, snapshot, ONE), Ok(()));
        assert_eq!(check(&world, token, snapshot, TOKENS * ONE), Ok(()));
        refuses(check(&world, token, snapshot, 0), "votes-per-credit is 0");
        let more = check(&world, token, snapshot, TOKENS * ONE + ONE);
        refuses(more, "less than one credit");
        // The votes of the snapshot count, not those of now.
        refuses(check(&world, token, before, ONE), "less than one credit");
        // One token is just below 2^32 credits, or just that many.
        assert_eq!(check(&world, token, snapshot, (ONE >> 32) + 1), Ok(()));
        refuses(check(&world, token, snapshot, ONE >> 32), "single token");
        refuses(
            check(&world, token, snapshot, 1),
            "is a credit for each token",
        );
    }

    #[test]
    fn a_snapshot_counts_as_its_token_does() {
        let mut world = World::new();
        let blocks = world.token();
        let seconds = deploy(&mut world, TIMED);
        mint(&mut world, blocks, ONE);
        mint(&mut world, seconds, ONE);
        let (number, now) = (world.evm.latest().number, world.now());
        world.evm.mine(1);
        assert_eq!(check(&world, blocks, number, ONE), Ok(()));
        assert_eq!(check(&world, seconds, now, ONE), Ok(()));
        refuses(
            check(&world, blocks, now, ONE),
            "counts blocks, not seconds",
        );
        refuses(
            check(&world, seconds, number, ONE),
            "counts seconds since 1970",
        );
        // Still to come: that is said, and from the poll's start on nobody could join.
        let number = world.evm.latest().number;
        assert_eq!(check(&world, blocks, number + 299, ONE), Ok(()));
        let start = world.now() + START;
        assert_eq!(check(&world, seconds, start - 1, ONE), Ok(()));
        let late = "not before the poll's start";
        refuses(check(&world, seconds, start, ONE), late);
        refuses(check(&world, blocks, number + 300, ONE), late);
        refuses(check(&world, blocks, FIRST_TIME - 1, ONE), late);
    }

    /// Whether its snapshot has passed or not.
    #[test]
    fn a_token_without_votes() {
        let mut world = World::new();
        let code = deploy::sign_up_token(SENDER).unwrap();
        let pieces = chain::deploy(&mut world.evm, SENDER, code).unwrap();
        let number = world.evm.latest().number;
        world.evm.mine(1);
        for snapshot in [number, number + 100] {
            let refused = check(&world, pieces.contract, snapshot, 1);
            refuses(refused, "votes-token");
        }
    }

    #[test]
    fn tokens_that_say_little() {
        let mut world = World::new();
        // Neither clock nor decimals: blocks, as ERC-5805 has it. 5,000 votes in all.
        let token = deploy(&mut world, CLOCKLESS);
        let number = world.evm.latest().number;
        world.evm.mine(1);
        assert_eq!(check(&world, token, number, 5000), Ok(()));
        refuses(check(&world, token, number, 5001), "less than one credit");
        // Something else altogether.
        let no_token = world.file.contracts.maci.address;
        refuses(check(&world, no_token, number, 1), "does not tell votes");
    }
}
