// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {PoseidonT4} from "poseidon-solidity/PoseidonT4.sol";
import {PoseidonT5} from "poseidon-solidity/PoseidonT5.sol";
import {PoseidonT6} from "poseidon-solidity/PoseidonT6.sol";
import {DeciderVerifier} from "./DeciderVerifier.sol";
import {JoinVerifier} from "./JoinVerifier.sol";
import {Anchors} from "./libraries/Anchors.sol";
import {BabyJubJub} from "./libraries/BabyJubJub.sol";
import {Arguments, PollArguments} from "./libraries/PollArguments.sol";
import {Results} from "./libraries/Results.sol";
import {StrictCalldata} from "./libraries/StrictCalldata.sol";
import {OptionResult, PollInfo, PollState, PublicKey} from "./libraries/Types.sol";

/// @notice The roots of a MACI's sign-ups.
interface ISignUpRoots {
    /// @notice The root after the sign-up of this index; reverts if there is none.
    function rootAt(uint256 index) external view returns (uint256 root);
}

/// @notice What MACI decides about a poll.
struct PollSetup {
    address owner;
    /// Below 2^50.
    uint64 pollId;
    JoinVerifier joinVerifier;
    DeciderVerifier verifier;
    uint256 emptyStateRoot;
    uint256 emptyTallyRoot;
}

/// @title A poll
/// @notice Voters join under fresh keys, anybody publishes encrypted messages and top-ups, and one proof after the
/// end settles the count. The contract keeps two hash chains, of joins and of messages; the trees are in the proof.
/// @dev Nothing about a poll can be changed. Digests are always made from what an event shows. Polls are clones of one
/// deployment, which is no poll itself; what a poll was made with is in its own code. No code runs when a clone is made,
/// so all that is stored starts with 0.
contract Poll is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

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
    error NullifierAlreadyUsed(uint256 nullifier);
    /// @notice The state tree has no free leaf.
    error PollFull();
    /// @notice Voice credits at the start are below 2^32.
    error CreditsOutOfRange(uint256 credits);
    /// @notice Who joins would get fewer voice credits than they want to join for.
    error TooFewCredits(uint256 credits, uint256 minCredits);
    /// @notice This poll is for those who signed up earlier: roots up to this index may join.
    error RootTooNew(uint256 rootIndex, uint256 lastRoot);

    /// @notice An element (0 to 9) of a message is not below r.
    error NonCanonicalMessage(uint256 index);
    /// @notice The value sent is not the fee for these messages.
    error WrongFee(uint256 given, uint256 due);
    /// @notice No more messages and top-ups are taken than can be proven in time, see `messageLimit`.
    error MessagesFull(uint256 limit);
    /// @notice There is nothing in the batch.
    error EmptyBatch();
    /// @notice Two lists that belong together differ in length.
    error LengthMismatch(uint256 first, uint256 second);

    /// @notice This poll has no top-ups.
    error NoTopUps();
    /// @notice Nobody has joined at this index.
    error UnknownStateIndex(uint256 stateIndex);
    /// @notice The tokens received are not a whole number of voice credits.
    error TokenRemainder(uint256 remainder);
    /// @notice A top-up is at least 1 and below 2^48 voice credits.
    error AmountOutOfRange(uint256 credits);

    /// @notice There is one result for each option.
    error WrongNumberOfResults(uint256 given, uint256 expected);
    /// @notice There is no option of this index.
    error UnknownOption(uint256 option);
    /// @notice There is nothing (more) to be paid out.
    error NothingToPay();

    /// @notice Somebody joined.
    /// @param stateIndex Their leaf of the state tree, from 1.
    /// @param x Of their first key in this poll.
    /// @param y Of the same key.
    /// @param credits Their voice credits at the start, below 2^32.
    event Join(uint256 indexed stateIndex, uint256 x, uint256 y, uint256 credits);
    /// @notice A message was published. Messages and top-ups are counted together.
    /// @param index How many messages and top-ups came before.
    /// @param data The ciphertext, elements below r.
    /// @param x Of the sender's one-time key.
    /// @param y Of the same key.
    /// @param blockNumber Which block it was signed after, 0 in a poll without anchors.
    /// @param anchor That block's anchor, 0 in a poll without.
    event Message(uint256 indexed index, uint256[10] data, uint256 x, uint256 y, uint256 blockNumber, uint256 anchor);
    /// @notice Voice credits were added to a voter's.
    /// @param index How many messages and top-ups came before.
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
    /// @notice The poll was given up, there will be no results.
    event Aborted();

    /// @dev Modulus of all elements.
    uint256 internal constant R = BabyJubJub.R;
    /// @dev Start of both chains: keccak256("Maci") mod r.
    uint256 internal constant ZERO = 8370432830353022751713833565135785980866757267633941821328460903436894336785;
    /// @dev First element of a top-up's digest.
    uint256 internal constant TOP_UP = 1;
    uint256 internal constant MAX_CREDITS = type(uint32).max;
    uint256 internal constant MAX_AMOUNT = type(uint48).max;

    /// @dev Where this code was deployed, which is no poll.
    address private immutable SELF = address(this);

    /// @dev Leaf 0 is nobody's, so there are less than 5^20.
    uint48 private _joins;
    /// @dev Messages and top-ups. The circuit needs less than 2^50; `messageLimit()` is at most the seconds of 90 days.
    uint48 private _messages;
    bool private _finalized;
    bool private _aborted;
    /// @dev 0 before the first join, where the chain is ZERO.
    uint256 private _joinChain;
    /// @dev 0 before the first message or top-up, where the chain is ZERO.
    uint256 private _messageChain;

    /// @notice Whether somebody has joined with a nullifier.
    mapping(uint256 nullifier => bool) public nullifierUsed;
    /// @notice Tokens that a depositor gets back if the poll is given up.
    mapping(address depositor => uint256) public depositOf;
    /// @notice Fees that who paid them gets back if the poll is given up, in wei.
    mapping(address payer => uint256) public feesOf;

    /// @notice The state tree's root after the count, salted by the blinding of leaf 0; 0 without results.
    uint256 public stateRoot;

    modifier onceFinalized() {
        if (!_finalized) revert NotFinalized();
        _;
    }

    modifier onceAborted() {
        if (!_aborted) revert NotAborted();
        _;
    }

    /// @notice Joins under a key that nothing links to a sign-up, once for each sign-up.
    /// @param nullifier P2(secret scalar, scope) of a sign-up that has not joined.
    /// @param rootIndex A root that has the sign-up.
    /// @param pollKey The voter's first key in this poll: any point of the curve. One of low order (1, 2, 4, 8) can sign
    /// nothing, so its voter has no vote. A part of low order does no harm.
    /// @param proof That who made it knows the sign-up's secret, for this nullifier and scope, bound to the key, the
    /// sender, the credit data and the least credits on this poll and chain.
    /// @param creditData Passed on to the voice credit proxy with the sender's address.
    /// @param minCredits With fewer the join is refused, so that nobody's one join is used up for less.
    function join(
        uint256 nullifier,
        uint256 rootIndex,
        PublicKey calldata pollKey,
        uint256[8] calldata proof,
        bytes calldata creditData,
        uint256 minCredits
    ) external nonReentrant {
        StrictCalldata.requireBytes(14, creditData);
        Arguments arguments = _open();
        BabyJubJub.requireOnCurve(pollKey.x, pollKey.y);
        if (nullifierUsed[nullifier]) revert NullifierAlreadyUsed(nullifier);
        nullifierUsed[nullifier] = true;
        uint256 stateIndex = _joins + 1;
        if (stateIndex >= 5 ** uint256(arguments.shape().stateTreeDepth)) revert PollFull();
        uint256 lastRoot = arguments.lastRoot();
        if (rootIndex > lastRoot) revert RootTooNew(rootIndex, lastRoot);
        uint256 root = ISignUpRoots(arguments.maci()).rootAt(rootIndex);
        uint256 binding = _binding(pollKey, creditData, minCredits);
        JoinVerifier(arguments.joinVerifier()).verify([root, nullifier, arguments.scope(), binding], proof);
        uint256 credits = arguments.credits().getVoiceCredits(msg.sender, creditData);
        if (credits > MAX_CREDITS) revert CreditsOutOfRange(credits);
        if (credits < minCredits) revert TooFewCredits(credits, minCredits);
        uint256 chain = stateIndex == 1 ? ZERO : _joinChain;
        _joinChain = PoseidonT5.hash([chain, pollKey.x, pollKey.y, credits]);
        _joins = uint48(stateIndex);
        emit Join(stateIndex, pollKey.x, pollKey.y, credits);
    }

    /// @notice Publishes an encrypted message. Anybody may, also for others.
    /// @param data The ciphertext, elements below r.
    /// @param encryptionKey The sender's one-time key: any point of the curve, of low order too. Such a message is decrypted
    /// and judged like any other.
    /// @param blockNumber The block that the vote was signed after, one of the last `anchorWindow()`; 0 without anchors.
    /// @param anchor That block's anchor as the sender knows it, which the vote is signed with; 0 without anchors.
    function publishMessage(
        uint256[10] calldata data,
        PublicKey calldata encryptionKey,
        uint256 blockNumber,
        uint256 anchor
    ) external payable nonReentrant {
        StrictCalldata.requireStatic(14);
        Arguments arguments = _open();
        _requireAnchor(arguments, blockNumber, anchor);
        _takeFee(arguments, 1);
        (uint256 chain, uint256 index) = _take(arguments, 1);
        _messageChain = _withMessage(chain, index, data, encryptionKey, blockNumber, anchor);
    }

    /// @notice Publishes messages in their order, all signed after the same block.
    /// @param data Their ciphertexts.
    /// @param encryptionKeys Their one-time keys.
    /// @param blockNumber As for one message.
    /// @param anchor As for one message.
    function publishMessageBatch(
        uint256[10][] calldata data,
        PublicKey[] calldata encryptionKeys,
        uint256 blockNumber,
        uint256 anchor
    ) external payable nonReentrant {
        uint256 n = _requireArrays(data, encryptionKeys);
        Arguments arguments = _open();
        _requireAnchor(arguments, blockNumber, anchor);
        _takeFee(arguments, n);
        (uint256 chain, uint256 index) = _take(arguments, n);
        for (uint256 i = 0; i < n; ++i) {
            chain = _withMessage(chain, index + i, data[i], encryptionKeys[i], blockNumber, anchor);
        }
        _messageChain = chain;
    }

    /// @notice Adds to a voter's credits. The tokens go to the beneficiary, or back to the sender if the poll is
    /// given up.
    /// @param stateIndex Of somebody who has joined.
    /// @param amount Tokens to take from the sender. What arrives counts, and must be whole credits.
    function topUp(uint256 stateIndex, uint256 amount) external nonReentrant {
        StrictCalldata.requireStatic(2);
        Arguments arguments = _open();
        _topUp(arguments, stateIndex, amount);
    }

    /// @notice Adds to the credits of several voters, in their order.
    /// @param stateIndices Of people who have joined.
    /// @param amounts Tokens for each.
    function topUpBatch(uint256[] calldata stateIndices, uint256[] calldata amounts) external nonReentrant {
        uint256 n = _requireArrays(stateIndices, amounts);
        Arguments arguments = _open();
        for (uint256 i = 0; i < n; ++i) {
            _topUp(arguments, stateIndices[i], amounts[i]);
        }
    }

    /// @notice Settles the count. Anybody may send it: the proof decides.
    /// @param newStateRoot The state tree's root after the count.
    /// @param tallyRoot The tally tree's root after the count.
    /// @param newResults What each option received.
    /// @param proof That the joins and messages of this poll, all and in order, lead there.
    function finalize(
        uint256 newStateRoot,
        uint256 tallyRoot,
        OptionResult[] calldata newResults,
        uint256[24] calldata proof
    ) external nonReentrant {
        Arguments arguments = _info();
        _requireResults(newResults, arguments.voteOptions());
        if (_finalized) revert AlreadyFinalized();
        if (block.timestamp < arguments.endTime()) revert PollNotEnded();
        if (block.timestamp >= _deadline(arguments)) revert DeadlinePassed();
        _finalized = true;
        _verify(arguments, _lastState(arguments.pollContext(), newStateRoot, tallyRoot), proof);
        stateRoot = newStateRoot;
        _emitFinalized(newStateRoot, tallyRoot, Results.store(newResults), newResults);
    }

    /// @notice Gives the poll up. Anybody may, from the deadline on.
    function abort() external nonReentrant {
        StrictCalldata.requireStatic(0);
        if (_finalized) revert AlreadyFinalized();
        if (_aborted) revert AlreadyAborted();
        if (block.timestamp < deadline()) revert DeadlineNotReached();
        _aborted = true;
        emit Aborted();
    }

    /// @notice Pays the tokens of the top-ups to the beneficiary. Anybody may call it.
    /// @dev Apart from `finalize`, and from the fees, so that a token which refuses cannot hold them up.
    function collect() external nonReentrant onceFinalized {
        StrictCalldata.requireStatic(0);
        Arguments arguments = _info();
        if (address(arguments.topUpToken()) == address(0)) revert NoTopUps();
        uint256 amount = arguments.topUpToken().balanceOf(address(this));
        if (amount == 0) revert NothingToPay();
        arguments.topUpToken().safeTransfer(arguments.beneficiary(), amount);
    }

    /// @notice Pays the fees to the owner. Anybody may call it.
    function collectFees() external nonReentrant onceFinalized {
        StrictCalldata.requireStatic(0);
        uint256 amount = address(this).balance;
        if (amount == 0) revert NothingToPay();
        Address.sendValue(payable(_info().owner()), amount);
    }

    /// @notice Pays the sender's own top-ups back. Never before the poll is given up: that would tell which keys live.
    function withdraw() external nonReentrant onceAborted {
        StrictCalldata.requireStatic(0);
        uint256 amount = depositOf[msg.sender];
        if (amount == 0) revert NothingToPay();
        depositOf[msg.sender] = 0;
        _info().topUpToken().safeTransfer(msg.sender, amount);
    }

    /// @notice Pays the sender's own fees back.
    function withdrawFees() external nonReentrant onceAborted {
        StrictCalldata.requireStatic(0);
        uint256 amount = feesOf[msg.sender];
        if (amount == 0) revert NothingToPay();
        feesOf[msg.sender] = 0;
        Address.sendValue(payable(msg.sender), amount);
    }

    /// @notice The anchor of a block, which votes that are sent now may be signed with. Reverts where `publishMessage`
    /// would refuse that block.
    /// @param blockNumber One of the last `anchorWindow()` blocks; 0 in a poll without anchors.
    /// @return anchor keccak256(abi.encode(hash of the block, chain id, this poll)) mod r; 0 in a poll without anchors.
    function anchorOf(uint256 blockNumber) external view returns (uint256 anchor) {
        return _anchorOf(_info(), blockNumber);
    }

    /// @notice How many blocks back from the present one are taken now; 0 in a poll without anchors. With W for
    /// `signedWithin` and t for the seconds until the end: max(5, ceil(W / 15), min(W, floor(W * t / 3600))).
    function anchorWindow() external view returns (uint256) {
        return _anchorWindow(_info());
    }

    /// @notice How many messages and top-ups are taken at most: as many as can be proven in `provingMax`.
    /// @dev Why their number is bounded, and not only the time. If more were taken than there is time for, whoever sends
    /// enough of them would force an abort, and have their fees back by it. Here all that was let in moves the deadline by
    /// its own time for proving, so spam never makes it too early for who proves a message in `provingPerMessage`, and
    /// the fees of spam in a poll that is finalized are the owner's: `limit * messageFee` and the gas of so many
    /// messages (about 230,000 each) is what it costs to fill a poll. What that buys is that nothing can be sent any more,
    /// so who bought votes could fill the poll to keep them from being overridden. The owner sets the price: a long
    /// `provingMax` with a short, honest `provingPerMessage`, and a fee where gas is cheap. 30 days at 1 second are 2.6
    /// million messages. Keeping the fees after an abort instead would pay whoever can cause one, the coordinator.
    function messageLimit() external view returns (uint256) {
        return _messageLimit(_info());
    }

    /// @notice From when on the poll cannot be finalized any more, but given up. Moves with each message.
    function deadline() public view returns (uint256) {
        return _deadline(_info());
    }

    /// @notice Where the poll is. After the deadline it stays Ended until somebody calls `abort`.
    function state() external view returns (PollState) {
        Arguments arguments = _info();
        if (_finalized) return PollState.Finalized;
        if (_aborted) return PollState.Aborted;
        if (block.timestamp < arguments.startTime()) return PollState.Pending;
        return block.timestamp < arguments.endTime() ? PollState.Open : PollState.Ended;
    }

    /// @notice What an option received.
    function resultOf(uint256 option) external view onceFinalized returns (OptionResult memory) {
        if (option >= _info().voteOptions()) revert UnknownOption(option);
        return Results.read(option);
    }

    /// @notice What every option received.
    function results() external view onceFinalized returns (OptionResult[] memory) {
        return Results.readAll(0, _info().voteOptions());
    }

    /// @notice The sums over all options.
    function totals() external view onceFinalized returns (OptionResult memory) {
        return Results.read(_info().voteOptions());
    }

    /// @notice The two chains and their lengths. joinCount is one more than the joins: leaf 0 is nobody's.
    function chains()
        external
        view
        returns (uint256 joinChain, uint256 joinCount, uint256 messageChain, uint256 messageCount)
    {
        return (_currentJoinChain(), uint256(_joins) + 1, _currentMessageChain(), _messages);
    }

    /// @notice Everything that never changes.
    function pollInfo() external view returns (PollInfo memory) {
        return _info().decode();
    }

    /// @dev What the poll was made with. Read once a call.
    function _info() private view returns (Arguments) {
        if (address(this) == SELF) revert NoPoll();
        return PollArguments.read();
    }

    /// @dev The same, while joins, messages and top-ups are taken.
    function _open() private view returns (Arguments arguments) {
        arguments = _info();
        if (block.timestamp < arguments.startTime()) revert PollNotStarted();
        if (block.timestamp >= arguments.endTime()) revert PollEnded();
    }

    function _currentJoinChain() private view returns (uint256) {
        return _joins == 0 ? ZERO : _joinChain;
    }

    function _currentMessageChain() private view returns (uint256) {
        return _messages == 0 ? ZERO : _messageChain;
    }

    function _deadline(Arguments arguments) private view returns (uint256) {
        uint256 start = uint256(arguments.endTime()) + arguments.provingBase();
        return start + uint256(arguments.provingPerMessage()) * _messages;
    }

    function _messageLimit(Arguments arguments) private pure returns (uint256) {
        return arguments.provingMax() / arguments.provingPerMessage();
    }

    function _anchorOf(Arguments arguments, uint256 blockNumber) private view returns (uint256) {
        if (arguments.signedWithin() != 0) return Anchors.anchorOf(blockNumber, _anchorWindow(arguments));
        if (blockNumber != 0) revert Anchors.WrongAnchor(blockNumber, 0);
        return 0;
    }

    function _anchorWindow(Arguments arguments) private view returns (uint256) {
        if (arguments.signedWithin() == 0) return 0;
        uint256 end = arguments.endTime();
        return Anchors.window(arguments.signedWithin(), block.timestamp < end ? end - block.timestamp : 0);
    }

    /// @dev What a join proof is bound to, so that it is worth nothing to anybody else.
    function _binding(PublicKey calldata pollKey, bytes calldata creditData, uint256 minCredits)
        private
        view
        returns (uint256)
    {
        bytes32 hash = keccak256(
            abi.encode(
                block.chainid, address(this), pollKey.x, pollKey.y, msg.sender, keccak256(creditData), minCredits
            )
        );
        return uint256(hash) % R;
    }

    /// @dev Without anchors both have to be 0.
    function _requireAnchor(Arguments arguments, uint256 blockNumber, uint256 anchor) private view {
        uint256 expected = _anchorOf(arguments, blockNumber);
        if (anchor != expected) revert Anchors.WrongAnchor(anchor, expected);
    }

    function _takeFee(Arguments arguments, uint256 messages) private {
        uint256 due = arguments.messageFee() * messages;
        if (msg.value != due) revert WrongFee(msg.value, due);
        if (due != 0) feesOf[msg.sender] += due;
    }

    /// @dev Counts so many messages or top-ups. The chain before them, and the index of the first.
    function _take(Arguments arguments, uint256 messages) private returns (uint256 chain, uint256 index) {
        index = _messages;
        chain = index == 0 ? ZERO : _messageChain;
        uint256 limit = _messageLimit(arguments);
        if (index + messages > limit) revert MessagesFull(limit);
        _messages = uint48(index + messages);
    }

    /// @dev The chain after a message: P3(chain, P4(P5(d0..d4), P5(d5..d9), key.x, key.y), anchor).
    function _withMessage(
        uint256 chain,
        uint256 index,
        uint256[10] calldata data,
        PublicKey calldata key,
        uint256 blockNumber,
        uint256 anchor
    ) private returns (uint256) {
        for (uint256 i = 0; i < 10; ++i) {
            if (data[i] >= R) revert NonCanonicalMessage(i);
        }
        BabyJubJub.requireOnCurve(key.x, key.y);
        uint256 first = PoseidonT6.hash([data[0], data[1], data[2], data[3], data[4]]);
        uint256 second = PoseidonT6.hash([data[5], data[6], data[7], data[8], data[9]]);
        uint256 digest = PoseidonT5.hash([first, second, key.x, key.y]);
        emit Message(index, data, key.x, key.y, blockNumber, anchor);
        return PoseidonT4.hash([chain, digest, anchor]);
    }

    /// @dev The chain after a top-up: P3(chain, P3(1, stateIndex, credits), 0). Nobody signs a top-up.
    function _topUp(Arguments arguments, uint256 stateIndex, uint256 amount) private {
        if (address(arguments.topUpToken()) == address(0)) revert NoTopUps();
        if (stateIndex == 0 || stateIndex > _joins) revert UnknownStateIndex(stateIndex);
        uint256 received = _receive(arguments.topUpToken(), amount);
        uint256 credits = received / arguments.creditUnit();
        if (received % arguments.creditUnit() != 0) revert TokenRemainder(received % arguments.creditUnit());
        if (credits == 0 || credits > MAX_AMOUNT) revert AmountOutOfRange(credits);
        depositOf[msg.sender] += received;
        (uint256 chain, uint256 index) = _take(arguments, 1);
        _messageChain = PoseidonT4.hash([chain, PoseidonT4.hash([TOP_UP, stateIndex, credits]), 0]);
        emit TopUp(index, stateIndex, credits, msg.sender);
    }

    /// @dev Takes tokens from the sender and tells how many arrived.
    function _receive(IERC20 token, uint256 amount) private returns (uint256) {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        return token.balanceOf(address(this)) - before;
    }

    /// @dev Without messages there is no head, and the cursor has not moved.
    function _lastState(uint256 context, uint256 newStateRoot, uint256 tallyRoot)
        private
        view
        returns (uint256[7] memory)
    {
        (uint256 head, uint256 cursor) = _messages == 0 ? (0, 0) : (_messageChain, ZERO);
        return [context, _currentJoinChain(), uint256(_joins) + 1, head, cursor, newStateRoot, tallyRoot];
    }

    /// @dev Asks the verifier about the results in this call. The proof, and the results behind it, are the end of both
    /// calls' data: an encoder would go through every result, which the verifier does anyway.
    function _verify(Arguments arguments, uint256[7] memory last, uint256[24] calldata proof) private view {
        bytes32 domain = keccak256(abi.encode(block.chainid, address(this), arguments.verifier()));
        uint256[7] memory first =
            [arguments.pollContext(), ZERO, 1, 0, 0, arguments.emptyStateRoot(), arguments.emptyTallyRoot()];
        uint256 start;
        assembly ("memory-safe") {
            start := proof
        }
        // Words before the length of the results: domain, both states, this number, the proof.
        uint256 offset = 32 * (1 + 2 * 7 + 1 + 24);
        Address.functionStaticCall(
            arguments.verifier(),
            abi.encodePacked(DeciderVerifier.verify.selector, domain, first, last, offset, msg.data[start:])
        );
    }

    /// @dev The event `Finalized`. The encoder would go through the results once more, which have been checked.
    function _emitFinalized(
        uint256 newStateRoot,
        uint256 tallyRoot,
        OptionResult memory sums,
        OptionResult[] calldata newResults
    ) private {
        bytes memory data = abi.encode(newStateRoot, tallyRoot, sums, uint256(160), newResults.length);
        bytes32 topic = Finalized.selector;
        assembly ("memory-safe") {
            // In free memory: the six words of `data`, then the results as they came.
            let size := shl(6, newResults.length)
            let start := mload(0x40)
            mcopy(start, add(data, 0x20), 0xc0)
            calldatacopy(add(start, 0xc0), newResults.offset, size)
            log1(start, add(0xc0, size), topic)
        }
    }

    function _requireResults(OptionResult[] calldata newResults, uint256 options) private pure {
        if (newResults.length != options) revert WrongNumberOfResults(newResults.length, options);
        uint256 start;
        assembly ("memory-safe") {
            start := newResults.offset
        }
        StrictCalldata.requireArray(27, start, 64 * newResults.length);
    }

    function _requireArrays(uint256[10][] calldata data, PublicKey[] calldata keys) private pure returns (uint256 n) {
        n = _requireLengths(data.length, keys.length);
        uint256 start;
        uint256 secondStart;
        assembly ("memory-safe") {
            start := data.offset
            secondStart := keys.offset
        }
        StrictCalldata.requireArrays(4, start, 320 * n, secondStart, 64 * n);
    }

    function _requireArrays(uint256[] calldata one, uint256[] calldata two) private pure returns (uint256 n) {
        n = _requireLengths(one.length, two.length);
        uint256 start;
        uint256 secondStart;
        assembly ("memory-safe") {
            start := one.offset
            secondStart := two.offset
        }
        StrictCalldata.requireArrays(2, start, 32 * n, secondStart, 32 * n);
    }

    function _requireLengths(uint256 one, uint256 two) private pure returns (uint256) {
        if (one != two) revert LengthMismatch(one, two);
        if (one == 0) revert EmptyBatch();
        return one;
    }
}
