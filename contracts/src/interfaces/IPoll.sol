// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {ICommonErrors} from "./ICommonErrors.sol";
import {OptionResult, PollInfo, PollState, PublicKey} from "../libraries/Types.sol";

/// @title A poll
/// @notice Voters join under fresh keys, anybody publishes encrypted messages and top-ups, and one proof after the end
/// settles the count. Nothing about a poll can be changed.
///
/// Whoever acts on a poll's results pins the poll's address AND the digest of `pollInfo()`: see docs/integrating.md.
interface IPoll is ICommonErrors {
    /// @notice Somebody joined.
    /// @param stateIndex Their leaf of the state tree, from 1.
    /// @param x Of their first key in this poll.
    /// @param y Of the same key.
    /// @param credits Their voice credits at the start, below 2^32.
    event Join(uint256 indexed stateIndex, uint256 x, uint256 y, uint256 credits);
    /// @notice A message was published. Messages, top-ups and bundles take places of one list.
    /// @param index How many places were taken before.
    /// @param data The ciphertext, elements below r.
    /// @param x Of the sender's one-time key.
    /// @param y Of the same key.
    /// @param blockNumber Which block it was signed after, 0 in a poll without anchors.
    /// @param anchor That block's anchor, 0 in a poll without.
    event Message(uint256 indexed index, uint256[10] data, uint256 x, uint256 y, uint256 blockNumber, uint256 anchor);
    /// @notice A bundle of messages was published. Its messages take the places from `index` on, and the bundle itself
    /// takes the one after them.
    /// @param index How many places were taken before.
    /// @param inner The end of the bundle's own chain: the fold of P3(chain, digest, anchor) over its messages, in their
    /// order, from keccak256("maci-nova bundle start") mod r.
    /// @param messages Of each message its anchor, the ciphertext's ten elements, and x and y of the one-time key, which may
    /// be off the curve: all below r.
    event Bundle(uint256 indexed index, uint256 inner, uint256[13][] messages);
    /// @notice Voice credits were added to a voter's.
    /// @param index How many places were taken before.
    /// @param stateIndex The voter's leaf of the state tree.
    /// @param credits Voice credits, above 0 and below 2^48.
    /// @param depositor Who paid for them, and gets the tokens back if the poll is given up.
    event TopUp(uint256 indexed index, uint256 stateIndex, uint256 credits, address depositor);
    /// @notice The results are final.
    /// @param stateRoot The state tree's root after the count, salted.
    /// @param tallyRoot The tally tree's root after the count.
    /// @param totals The sums over all options.
    /// @param results What each option received.
    event Finalized(uint256 stateRoot, uint256 tallyRoot, OptionResult totals, OptionResult[] results);
    /// @notice A part of the count has been proven. No result can be read from it.
    /// @param from Where it begins: a link that was proven before, or 0 for the poll's first state.
    /// @param to Where it ends.
    /// @param proof The proof, as `proveSegment` takes it.
    event SegmentProven(uint256 from, uint256 to, uint256[22] proof);
    /// @notice The poll was given up, there will be no results.
    event Aborted();

    /// @notice This is what polls execute, and no poll.
    error NoPoll();
    /// @notice The poll has not started.
    error PollNotStarted();
    /// @notice The poll has ended.
    error PollEnded();
    /// @notice The poll has not ended.
    error PollNotEnded();
    /// @notice The time for proving is over.
    error DeadlinePassed();
    /// @notice The time for proving is not over.
    error DeadlineNotReached();
    /// @notice The poll has its results.
    error AlreadyFinalized();
    /// @notice The poll was given up.
    error AlreadyAborted();
    /// @notice The poll has no results.
    error NotFinalized();
    /// @notice The poll was not given up.
    error NotAborted();

    /// @notice Whoever made this nullifier has joined.
    /// @param nullifier The nullifier.
    error NullifierAlreadyUsed(uint256 nullifier);
    /// @notice The state tree has no free leaf.
    error PollFull();
    /// @notice Voice credits at the start are below 2^32.
    /// @param credits What the proxy gave.
    error CreditsOutOfRange(uint256 credits);
    /// @notice Who joins would get fewer voice credits than they want to join for.
    /// @param credits What the proxy gave.
    /// @param minCredits What they want.
    error TooFewCredits(uint256 credits, uint256 minCredits);
    /// @notice This poll is for those who signed up earlier.
    /// @param rootIndex The root that was named.
    /// @param lastRoot The highest one that may join.
    error RootTooNew(uint256 rootIndex, uint256 lastRoot);

    /// @notice An element of a message is not below r.
    /// @param index Which one, 0 to 9.
    error NonCanonicalMessage(uint256 index);
    /// @notice The value sent is not the fee for these messages.
    /// @param given In wei.
    /// @param due In wei.
    error WrongFee(uint256 given, uint256 due);
    /// @notice An element of a bundle's messages is not below r.
    error NonCanonicalBundle();
    /// @notice A message of a bundle names an anchor that is not in the list.
    /// @param place Which one it names, from 0.
    /// @param length How many there are.
    error UnknownAnchor(uint256 place, uint256 length);
    /// @notice No more messages, top-ups and bundles are taken than can be proven in time.
    /// @param limit How many.
    error MessagesFull(uint256 limit);
    /// @notice There is nothing in the batch.
    error EmptyBatch();
    /// @notice Two lists that belong together differ in length.
    /// @param first Length of the first.
    /// @param second Length of the second.
    error LengthMismatch(uint256 first, uint256 second);
    /// @notice The block is not one of the last ones that are taken now.
    /// @param blockNumber The block.
    /// @param oldest The first that is taken.
    error AnchorTooOld(uint256 blockNumber, uint256 oldest);
    /// @notice The number is not below the present block's, or the chain knows no hash of it.
    /// @param blockNumber The block.
    error AnchorUnknown(uint256 blockNumber);
    /// @notice The anchor is not that of the block. In a poll without anchors number and anchor are 0.
    /// @param given The anchor that the sender expects (or the number of the block).
    /// @param expected What it is.
    error WrongAnchor(uint256 given, uint256 expected);

    /// @notice This poll has no top-ups.
    error NoTopUps();
    /// @notice Nobody has joined at this index.
    /// @param stateIndex The index.
    error UnknownStateIndex(uint256 stateIndex);
    /// @notice The tokens received are not a whole number of voice credits.
    /// @param remainder Tokens in their smallest unit.
    error TokenRemainder(uint256 remainder);
    /// @notice A top-up is at least 1 and below 2^48 voice credits.
    /// @param credits Voice credits.
    error AmountOutOfRange(uint256 credits);

    /// @notice There is one result for each option.
    /// @param given How many there are.
    /// @param expected How many options the poll has.
    error WrongNumberOfResults(uint256 given, uint256 expected);
    /// @notice Votes or spent credits, of an option or of all, do not fit into 13 bytes. No poll has as many.
    error ResultTooLarge();
    /// @notice The contract with the results could not be created.
    error ResultsNotStored();
    /// @notice No segment that has been proven ends there.
    /// @param link Where the proof begins.
    error UnknownLink(uint256 link);
    /// @notice A segment that ends there has been proven.
    /// @param link Where it ends.
    error LinkAlreadyProven(uint256 link);
    /// @notice There is no option of this index.
    /// @param option The index.
    error UnknownOption(uint256 option);
    /// @notice There is nothing (more) to be paid out.
    error NothingToPay();

    /// @notice Joins under a key that nothing links to a sign-up, once for each sign-up.
    /// @param nullifier P2(secret scalar, scope) of a sign-up that has not joined.
    /// @param rootIndex A root that has the sign-up.
    /// @param pollKey The voter's first key in this poll, on the curve.
    /// @param proof That who made it knows the sign-up's secret, bound to all other arguments, the sender, poll and chain.
    /// @param creditData Passed on to the voice credit proxy with the sender's address.
    /// @param minCredits With fewer the join is refused, so that nobody's one join is used up for less.
    function join(
        uint256 nullifier,
        uint256 rootIndex,
        PublicKey calldata pollKey,
        uint256[8] calldata proof,
        bytes calldata creditData,
        uint256 minCredits
    ) external;

    /// @notice Publishes an encrypted message. Anybody may, also for others.
    /// @param data The ciphertext, elements below r.
    /// @param encryptionKey The sender's one-time key, on the curve.
    /// @param blockNumber Which block it was signed after, one of the last `anchorWindow()`; 0 in a poll without anchors.
    /// @param anchor That block's anchor as the signer saw it: `anchorOf(blockNumber)`.
    function publishMessage(
        uint256[10] calldata data,
        PublicKey calldata encryptionKey,
        uint256 blockNumber,
        uint256 anchor
    ) external payable;

    /// @notice Publishes messages in their order.
    /// @param data Their ciphertexts.
    /// @param encryptionKeys Their one-time keys.
    /// @param blockNumber Which block all of them were signed after.
    /// @param anchor That block's anchor.
    function publishMessageBatch(
        uint256[10][] calldata data,
        PublicKey[] calldata encryptionKeys,
        uint256 blockNumber,
        uint256 anchor
    ) external payable;

    /// @notice Publishes messages as one link of the chain, at a small part of the price. Anybody may: that `inner` is
    /// what the messages come to is proven. Each message pays its fee, and all of them and the bundle take a place
    /// (`messageLimit`).
    /// @dev The proof's inputs are inner, c, e and n: c = keccak256(data of the event `Bundle`) mod r, e the sum of
    /// v_k c^(13 n - 1 - k) over the elements v_k of that event's messages, n their number.
    /// @param anchors Numbers of blocks, each with its anchor, as `publishMessage` takes them; empty in a poll without
    /// anchors.
    /// @param anchorPlaces A byte for each message: the place of its anchor in `anchors`. Empty in a poll without anchors.
    /// @param messages Of each message the ciphertext's ten elements, and x and y of the one-time key: below r. Whether the
    /// key is on the curve is not looked at: one that is not decrypts to nothing that counts.
    /// @param inner The end of the messages' own chain, as the event has it.
    /// @param proof As `BundleVerifier` takes it.
    function publishBundle(
        uint256[2][] calldata anchors,
        bytes calldata anchorPlaces,
        uint256[12][] calldata messages,
        uint256 inner,
        uint256[8] calldata proof
    ) external payable;

    /// @notice Adds to a voter's credits. The tokens go to the beneficiary, or back to the sender if the poll is given
    /// up. Takes the place of a message (`messageLimit`) and pays the same fee.
    /// @param stateIndex Of somebody who has joined.
    /// @param amount Tokens to take from the sender. What arrives counts, and must be whole credits.
    function topUp(uint256 stateIndex, uint256 amount) external payable;

    /// @notice Adds to the credits of several voters, in their order. Each pays the fee of a message.
    /// @param stateIndices Of people who have joined.
    /// @param amounts Tokens for each.
    function topUpBatch(uint256[] calldata stateIndices, uint256[] calldata amounts) external payable;

    /// @notice Settles the count. Anybody may send it: the proof decides.
    /// @param newStateRoot The state tree's root after the count.
    /// @param tallyRoot The tally tree's root after the count.
    /// @param newResults What each option received.
    /// @param proof That the joins and messages of this poll, all and in order, lead there.
    function finalize(
        uint256 newStateRoot,
        uint256 tallyRoot,
        OptionResult[] calldata newResults,
        uint256[22] calldata proof
    ) external;

    /// @notice Proves a part of a long count, before the deadline. Anybody may send it: the proof decides. Parts are joined by
    /// links, salted hashes of the states between them, which show nothing of the votes; whoever proves makes the salts.
    /// @param from A link that has been proven, or 0 for the poll's first state.
    /// @param to The link that the part leads to, below r and not 0.
    /// @param proof That some joins and messages lead from the one to the other.
    function proveSegment(uint256 from, uint256 to, uint256[22] calldata proof) external;

    /// @notice Settles a count whose first parts have been proven: as `finalize`, which takes the whole of it.
    /// @param link Where the last part begins: a link that has been proven.
    /// @param newStateRoot The state tree's root after the count.
    /// @param tallyRoot The tally tree's root after the count.
    /// @param newResults What each option received.
    /// @param proof That the joins and messages of this poll, all and in order, lead from the link there.
    function finalizeFrom(
        uint256 link,
        uint256 newStateRoot,
        uint256 tallyRoot,
        OptionResult[] calldata newResults,
        uint256[22] calldata proof
    ) external;

    /// @notice Gives the poll up. Anybody may, from the deadline on.
    function abort() external;

    /// @notice Pays the tokens of the top-ups to the beneficiary of a finalized poll. Anybody may call it.
    function collect() external;

    /// @notice Pays the fees to the owner of a finalized poll. Anybody may call it.
    function collectFees() external;

    /// @notice Pays the sender's own top-ups back, of a poll that was given up.
    function withdraw() external;

    /// @notice Pays the sender's own fees back, of a poll that was given up.
    function withdrawFees() external;

    /// @notice The anchor of a block, which votes that are sent now may be signed with. Reverts where `publishMessage`
    /// would refuse that block.
    /// @param blockNumber One of the last `anchorWindow()` blocks; 0 in a poll without anchors.
    /// @return anchor keccak256(abi.encode(blockHash, chain id, this poll)) mod r; 0 in a poll without anchors. Who signs
    /// it computes it again from the hash: then a node cannot have them sign for another poll.
    /// @return blockHash The block's hash as contracts see it, on a rollup perhaps not that of the block's header.
    function anchorOf(uint256 blockNumber) external view returns (uint256 anchor, bytes32 blockHash);

    /// @notice Which blocks are taken now. With W for `signedWithin` and t for the seconds until the end, `blocks` is
    /// max(5, ceil(W / 15), min(W, floor(W * t / 3600))), which is W until the last hour.
    /// @return newest The block before the present one, as contracts count blocks: on a rollup perhaps not its own.
    /// @return blocks How many blocks back from the present one are taken; 0 in a poll without anchors.
    function anchorWindow() external view returns (uint256 newest, uint256 blocks);

    /// @notice How many messages, top-ups and bundles are taken at most.
    /// @return As many as can be proven in `provingMax`.
    function messageLimit() external view returns (uint256);

    /// @notice From when on the poll cannot be finalized any more, but given up. Moves with each message.
    /// @return In seconds since 1970.
    function deadline() external view returns (uint256);

    /// @notice Whether segments that have been proven lead from the poll's first state to a link.
    /// @param link The link.
    function linkProven(uint256 link) external view returns (bool);

    /// @notice Where the poll is. After the deadline it stays Ended until somebody calls `abort`.
    /// @return The state.
    function state() external view returns (PollState);

    /// @notice What an option received. Reverts unless the poll is finalized, as the next two do.
    /// @param option From 0.
    /// @return Votes, which may be negative, and credits spent.
    function resultOf(uint256 option) external view returns (OptionResult memory);

    /// @notice What every option received.
    /// @return One for each option.
    function results() external view returns (OptionResult[] memory);

    /// @notice The sums over all options.
    /// @return Votes and credits spent.
    function totals() external view returns (OptionResult memory);

    /// @notice The state tree's root after the count, salted.
    /// @return The root, 0 without results.
    function stateRoot() external view returns (uint256);

    /// @notice The two chains and their lengths.
    /// @return joinChain Head of the chain of joins.
    /// @return joinCount One more than the joins: leaf 0 is nobody's.
    /// @return messageChain Head of the chain of messages, top-ups and bundles.
    /// @return messageCount Places taken: one by each message and each top-up, one more by each bundle.
    function chains()
        external
        view
        returns (uint256 joinChain, uint256 joinCount, uint256 messageChain, uint256 messageCount);

    /// @notice Everything that never changes. `keccak256(abi.encode(pollInfo()))` is what `poll.json` calls `pollInfo`.
    /// @return Whose poll it is, its verifiers, and what its owner decided.
    function pollInfo() external view returns (PollInfo memory);

    /// @notice Whether somebody has joined with a nullifier.
    /// @param nullifier The nullifier.
    /// @return Whether.
    function nullifierUsed(uint256 nullifier) external view returns (bool);

    /// @notice Tokens that a depositor gets back if the poll is given up.
    /// @param depositor Who paid for top-ups.
    /// @return In the token's smallest unit.
    function depositOf(address depositor) external view returns (uint256);

    /// @notice Fees that who paid them gets back if the poll is given up.
    /// @param payer Who published or topped up.
    /// @return In wei.
    function feesOf(address payer) external view returns (uint256);
}
