// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {ICommonErrors} from "./ICommonErrors.sol";
import {PollSettings, PublicKey} from "../libraries/Types.sol";

/// @title Sign-ups and polls
/// @notice People sign up once, with a key that is good for every poll. Sign-ups never close. Anybody creates polls, so
/// being one of these polls says little about one: look at its `pollInfo`.
interface IMACI is ICommonErrors {
    /// @notice A key is in the tree.
    /// @param index Of its leaf, from 0.
    /// @param x Of the key.
    /// @param y Of the same key.
    /// @param root What the tree's root is now; `rootAt(index)` keeps it.
    event SignUp(uint256 indexed index, uint256 x, uint256 y, uint256 root);
    /// @notice A poll exists.
    /// @param index Of the poll, from 0.
    /// @param poll Its address.
    /// @param pollId What its commands sign, below 2^50.
    /// @param owner Who created it, and is paid the fees of messages and top-ups.
    event PollCreated(uint256 indexed index, address indexed poll, uint64 pollId, address owner);

    /// @notice The join circuit has no paths of so many levels.
    /// @param joinDepth More than 32.
    error JoinDepthOutOfRange(uint8 joinDepth);
    /// @notice A verifier whose trapdoors may be known has no place in production.
    error DevelopmentVerifier();
    /// @notice There are as many sign-ups as the join circuit can prove.
    error SignUpsFull();
    /// @notice There is no root of this index (yet).
    /// @param index The index.
    error UnknownRoot(uint256 index);
    /// @notice There is no poll of this index (yet).
    /// @param index The index.
    error UnknownPoll(uint256 index);
    /// @notice A poll has at least one option, and at most as many as its shape and as results can be kept of.
    /// @param given So many were asked for.
    /// @param max The most.
    error VoteOptionsOutOfRange(uint32 given, uint256 max);
    /// @notice The mode is none of 0, quadratic, 1, linear, 2, full, and 3, negative.
    /// @param mode The mode.
    error UnknownMode(uint8 mode);
    /// @notice Ballots that spend all that there is leave no room for top-ups.
    error TopUpsInFullMode();
    /// @notice The poll would start in the past.
    /// @param startTime In seconds since 1970.
    error StartInThePast(uint64 startTime);
    /// @notice The poll would end before it starts, or at that moment.
    error EndNotAfterStart();
    /// @notice The poll would end more than a year from now.
    /// @param endTime In seconds since 1970.
    error EndTooFar(uint64 endTime);
    /// @notice Less than an hour for proving, or more than a year.
    /// @param provingBase In seconds.
    error ProvingBaseOutOfRange(uint64 provingBase);
    /// @notice Less than a second for proving each message, or more than an hour.
    /// @param provingPerMessage In seconds.
    error ProvingPerMessageOutOfRange(uint32 provingPerMessage);
    /// @notice Not enough time for proving a single message, or more than 90 days for all of them.
    /// @param provingMax In seconds.
    error ProvingMaxOutOfRange(uint32 provingMax);
    /// @notice Votes can be required to be signed within 5 to 8190 blocks, or 0 for off.
    /// @param signedWithin In blocks.
    error SignedWithinOutOfRange(uint16 signedWithin);
    /// @notice More than 255 blocks need the history contract of EIP-2935, which is not here or answers wrongly.
    error NoBlockHistory();
    /// @notice The registry has no verifier for the shape.
    error UnknownShape();
    /// @notice A voice credit would cost no tokens.
    error CreditUnitIsZero();
    /// @notice Nobody would receive the tokens of the top-ups.
    error NoBeneficiary();
    /// @notice There is no contract at the address of the voice credits or of the token.
    /// @param account The address.
    error NoContract(address account);
    /// @notice The coordinator's key is of low order, or has a part that is.
    error KeyNotInSubgroup();
    /// @notice The coordinator's key has x = 0.
    error KeyXIsZero();

    /// @notice Adds a key to the tree. A key can be there once.
    /// @param key On the curve.
    /// @param gatekeeperData The evidence: passed on to the gatekeeper with the sender's address.
    function signUp(PublicKey calldata key, bytes calldata gatekeeperData) external;

    /// @notice Creates a poll that the sender owns. Everything about it is fixed from here on, its verifier included.
    /// @param settings What the sender decides.
    /// @return poll Its address.
    function createPoll(PollSettings calldata settings) external returns (address poll);

    /// @notice The root after the sign-up of this index.
    /// @param index From 0.
    /// @return root The root; reverts if there is none.
    function rootAt(uint256 index) external view returns (uint256 root);

    /// @notice How many roots there are: one after each sign-up.
    /// @return How many.
    function rootCount() external view returns (uint256);

    /// @notice The poll of this index.
    /// @param index From 0.
    /// @return poll Its address; reverts if there is none.
    function pollAt(uint256 index) external view returns (address poll);

    /// @notice How many polls there are.
    /// @return How many.
    function pollCount() external view returns (uint256);

    /// @notice Decides who may sign up.
    /// @return An `IGatekeeper`.
    function GATEKEEPER() external view returns (address);

    /// @notice Makes the polls.
    /// @return A `PollFactory`.
    function FACTORY() external view returns (address);

    /// @notice Knows the verifier of each shape; its owner may add further ones.
    /// @return A `VkRegistry`.
    function REGISTRY() external view returns (address);

    /// @notice Verifies that who joins a poll has signed up.
    /// @return A `JoinVerifier`.
    function JOIN_VERIFIER() external view returns (address);

    /// @notice Verifies that bundles of messages come to what they say.
    /// @return A `BundleVerifier`.
    function BUNDLE_VERIFIER() external view returns (address);

    /// @notice There are at most 2^JOIN_DEPTH sign-ups.
    /// @return Levels of the tree, at most 32.
    function JOIN_DEPTH() external view returns (uint8);
}
