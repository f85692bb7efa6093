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
import {IVoiceCreditProxy} from "./interfaces/IVoiceCreditProxy.sol";
import {Anchors} from "./libraries/Anchors.sol";
import {BabyJubJub} from "./libraries/BabyJubJub.sol";
import {StrictCalldata} from "./libraries/StrictCalldata.sol";
import {OptionResult, PollInfo, PollSettings, PollState, PublicKey, Shape} from "./libraries/Types.sol";

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
/// @dev Nothing about a poll can be changed. Digests are always made from what an event shows.
contract Poll is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

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
    /// @notice No more messages and top-ups are taken than can be proven in time.
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

    ISignUpRoots private immutable MACI;
    address private immutable OWNER;
    uint64 private immutable POLL_ID;
    JoinVerifier private immutable JOIN_VERIFIER;
    DeciderVerifier private immutable VERIFIER;
    uint256 private immutable EMPTY_STATE_ROOT;
    uint256 private immutable EMPTY_TALLY_ROOT;
    uint256 private immutable POLL_CONTEXT;
    uint256 private immutable SCOPE;
    uint256 private immutable STATE_LEAVES;
    uint256 private immutable KEY_X;
    uint256 private immutable KEY_Y;
    uint32 private immutable VOTE_OPTIONS;
    uint8 private immutable MODE;
    uint8 private immutable STATE_TREE_DEPTH;
    uint8 private immutable VOTE_OPTION_TREE_DEPTH;
    uint8 private immutable EVENTS_PER_STEP;
    uint64 private immutable START_TIME;
    uint64 private immutable END_TIME;
    uint16 private immutable SIGNED_WITHIN;
    uint32 private immutable LAST_ROOT;
    uint64 private immutable PROVING_BASE;
    uint32 private immutable PROVING_PER_MESSAGE;
    uint32 private immutable PROVING_MAX;
    IVoiceCreditProxy private immutable CREDITS;
    IERC20 private immutable TOP_UP_TOKEN;
    uint256 private immutable CREDIT_UNIT;
    address private immutable BENEFICIARY;
    uint256 private immutable MESSAGE_FEE;

    /// @dev Joins and leaf 0, which is nobody's; at most 5^20.
    uint48 private _joinCount = 1;
    /// @dev Messages and top-ups. The circuit needs less than 2^50; `messageLimit()` is at most the seconds of 90 days.
    uint48 private _messageCount;
    bool private _finalized;
    bool private _aborted;
    uint256 private _joinChain = ZERO;
    uint256 private _messageChain = ZERO;

    /// @notice Whether somebody has joined with a nullifier.
    mapping(uint256 nullifier => bool) public nullifierUsed;
    /// @notice Tokens that a depositor gets back if the poll is given up.
    mapping(address depositor => uint256) public depositOf;
    /// @notice Fees that who paid them gets back if the poll is given up, in wei.
    mapping(address payer => uint256) public feesOf;

    /// @notice The state tree's root after the count, salted by the blinding of leaf 0; 0 without results.
    uint256 public stateRoot;
    OptionResult private _totals;
    OptionResult[] private _results;

    modifier whileOpen() {
        if (block.timestamp < START_TIME) revert PollNotStarted();
        if (block.timestamp >= END_TIME) revert PollEnded();
        _;
    }

    modifier onceFinalized() {
        if (!_finalized) revert NotFinalized();
        _;
    }

    modifier onceAborted() {
        if (!_aborted) revert NotAborted();
        _;
    }

    /// @param maci Whose sign-ups may join.
    /// @param setup What that MACI decided.
    /// @param settings What the owner decided, checked by that MACI.
    constructor(address maci, PollSetup memory setup, PollSettings memory settings) {
        MACI = ISignUpRoots(maci);
        OWNER = setup.owner;
        POLL_ID = setup.pollId;
        JOIN_VERIFIER = setup.joinVerifier;
        VERIFIER = setup.verifier;
        EMPTY_STATE_ROOT = setup.emptyStateRoot;
        EMPTY_TALLY_ROOT = setup.emptyTallyRoot;
        (KEY_X, KEY_Y) = (settings.coordinatorKey.x, settings.coordinatorKey.y);
        VOTE_OPTIONS = settings.voteOptions;
        MODE = settings.mode;
        STATE_TREE_DEPTH = settings.shape.stateTreeDepth;
        VOTE_OPTION_TREE_DEPTH = settings.shape.voteOptionTreeDepth;
        EVENTS_PER_STEP = settings.shape.eventsPerStep;
        STATE_LEAVES = 5 ** uint256(settings.shape.stateTreeDepth);
        START_TIME = settings.startTime;
        END_TIME = settings.endTime;
        SIGNED_WITHIN = settings.signedWithin;
        LAST_ROOT = settings.lastRoot;
        PROVING_BASE = settings.provingBase;
        PROVING_PER_MESSAGE = settings.provingPerMessage;
        PROVING_MAX = settings.provingMax;
        CREDITS = settings.credits;
        TOP_UP_TOKEN = settings.topUpToken;
        CREDIT_UNIT = settings.creditUnit;
        BENEFICIARY = settings.beneficiary;
        MESSAGE_FEE = settings.messageFee;
        POLL_CONTEXT = PoseidonT6.hash(
            [
                uint256(setup.pollId),
                settings.coordinatorKey.x,
                settings.coordinatorKey.y,
                uint256(settings.voteOptions),
                uint256(settings.mode)
            ]
        );
        SCOPE = uint256(keccak256(abi.encode(block.chainid, maci, setup.pollId))) % R;
    }

    /// @notice Joins under a key that nothing links to a sign-up, once for each sign-up.
    /// @param nullifier P2(secret scalar, scope) of a sign-up that has not joined.
    /// @param rootIndex A root that has the sign-up.
    /// @param pollKey The voter's first key in this poll, on the curve.
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
    ) external nonReentrant whileOpen {
        StrictCalldata.requireBytes(14, creditData);
        BabyJubJub.requireOnCurve(pollKey.x, pollKey.y);
        if (nullifierUsed[nullifier]) revert NullifierAlreadyUsed(nullifier);
        nullifierUsed[nullifier] = true;
        uint256 stateIndex = _joinCount;
        if (stateIndex >= STATE_LEAVES) revert PollFull();
        if (rootIndex > LAST_ROOT) revert RootTooNew(rootIndex, LAST_ROOT);
        uint256 root = MACI.rootAt(rootIndex);
        JOIN_VERIFIER.verify([root, nullifier, SCOPE, _binding(pollKey, creditData, minCredits)], proof);
        uint256 credits = CREDITS.getVoiceCredits(msg.sender, creditData);
        if (credits > MAX_CREDITS) revert CreditsOutOfRange(credits);
        if (credits < minCredits) revert TooFewCredits(credits, minCredits);
        _joinChain = PoseidonT5.hash([_joinChain, pollKey.x, pollKey.y, credits]);
        _joinCount = uint48(stateIndex + 1);
        emit Join(stateIndex, pollKey.x, pollKey.y, credits);
    }

    /// @notice Publishes an encrypted message. Anybody may, also for others.
    /// @param data The ciphertext, elements below r.
    /// @param encryptionKey The sender's one-time key, on the curve.
    /// @param blockNumber The block that the vote was signed after, one of the last `anchorWindow()`; 0 without anchors.
    /// @param anchor That block's anchor as the sender knows it, which the vote is signed with; 0 without anchors.
    function publishMessage(
        uint256[10] calldata data,
        PublicKey calldata encryptionKey,
        uint256 blockNumber,
        uint256 anchor
    ) external payable nonReentrant whileOpen {
        StrictCalldata.requireStatic(14);
        _requireAnchor(blockNumber, anchor);
        _takeFee(1);
        uint256 index = _take(1);
        _messageChain = _withMessage(_messageChain, index, data, encryptionKey, blockNumber, anchor);
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
    ) external payable nonReentrant whileOpen {
        uint256 n = _requireArrays(data, encryptionKeys);
        _requireAnchor(blockNumber, anchor);
        _takeFee(n);
        uint256 index = _take(n);
        uint256 chain = _messageChain;
        for (uint256 i = 0; i < n; ++i) {
            chain = _withMessage(chain, index + i, data[i], encryptionKeys[i], blockNumber, anchor);
        }
        _messageChain = chain;
    }

    /// @notice Adds to a voter's credits. The tokens go to the beneficiary, or back to the sender if the poll is
    /// given up.
    /// @param stateIndex Of somebody who has joined.
    /// @param amount Tokens to take from the sender. What arrives counts, and must be whole credits.
    function topUp(uint256 stateIndex, uint256 amount) external nonReentrant whileOpen {
        StrictCalldata.requireStatic(2);
        _topUp(stateIndex, amount);
    }

    /// @notice Adds to the credits of several voters, in their order.
    /// @param stateIndices Of people who have joined.
    /// @param amounts Tokens for each.
    function topUpBatch(uint256[] calldata stateIndices, uint256[] calldata amounts) external nonReentrant whileOpen {
        uint256 n = _requireArrays(stateIndices, amounts);
        for (uint256 i = 0; i < n; ++i) {
            _topUp(stateIndices[i], amounts[i]);
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
        _requireResults(newResults);
        if (_finalized) revert AlreadyFinalized();
        if (block.timestamp < END_TIME) revert PollNotEnded();
        if (block.timestamp >= deadline()) revert DeadlinePassed();
        _finalized = true;
        bytes32 domain = keccak256(abi.encode(block.chainid, address(this), address(VERIFIER)));
        VERIFIER.verify(domain, _firstState(), _lastState(newStateRoot, tallyRoot), newResults, proof);
        stateRoot = newStateRoot;
        emit Finalized(newStateRoot, tallyRoot, _store(newResults), newResults);
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
        if (address(TOP_UP_TOKEN) == address(0)) revert NoTopUps();
        uint256 amount = TOP_UP_TOKEN.balanceOf(address(this));
        if (amount == 0) revert NothingToPay();
        TOP_UP_TOKEN.safeTransfer(BENEFICIARY, amount);
    }

    /// @notice Pays the fees to the owner. Anybody may call it.
    function collectFees() external nonReentrant onceFinalized {
        StrictCalldata.requireStatic(0);
        uint256 amount = address(this).balance;
        if (amount == 0) revert NothingToPay();
        Address.sendValue(payable(OWNER), amount);
    }

    /// @notice Pays the sender's own top-ups back. Never before the poll is given up: that would tell which keys live.
    function withdraw() external nonReentrant onceAborted {
        StrictCalldata.requireStatic(0);
        uint256 amount = depositOf[msg.sender];
        if (amount == 0) revert NothingToPay();
        depositOf[msg.sender] = 0;
        TOP_UP_TOKEN.safeTransfer(msg.sender, amount);
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
    function anchorOf(uint256 blockNumber) public view returns (uint256 anchor) {
        if (SIGNED_WITHIN != 0) return Anchors.anchorOf(blockNumber, anchorWindow());
        if (blockNumber != 0) revert Anchors.WrongAnchor(blockNumber, 0);
    }

    /// @notice How many blocks back from the present one are taken now; 0 in a poll without anchors. With W for
    /// `signedWithin` and t for the seconds until the end: max(5, ceil(W / 15), min(W, floor(W * t / 3600))).
    function anchorWindow() public view returns (uint256) {
        if (SIGNED_WITHIN == 0) return 0;
        return Anchors.window(SIGNED_WITHIN, block.timestamp < END_TIME ? END_TIME - block.timestamp : 0);
    }

    /// @notice How many messages and top-ups are taken at most: as many as can be proven in `provingMax`.
    function messageLimit() public view returns (uint256) {
        return PROVING_MAX / PROVING_PER_MESSAGE;
    }

    /// @notice From when on the poll cannot be finalized any more, but given up. Moves with each message.
    function deadline() public view returns (uint256) {
        return uint256(END_TIME) + PROVING_BASE + uint256(PROVING_PER_MESSAGE) * _messageCount;
    }

    /// @notice Where the poll is. After the deadline it stays Ended until somebody calls `abort`.
    function state() external view returns (PollState) {
        if (_finalized) return PollState.Finalized;
        if (_aborted) return PollState.Aborted;
        if (block.timestamp < START_TIME) return PollState.Pending;
        return block.timestamp < END_TIME ? PollState.Open : PollState.Ended;
    }

    /// @notice What an option received.
    function result(uint256 option) external view onceFinalized returns (OptionResult memory) {
        if (option >= VOTE_OPTIONS) revert UnknownOption(option);
        return _results[option];
    }

    /// @notice What every option received.
    function results() external view onceFinalized returns (OptionResult[] memory) {
        return _results;
    }

    /// @notice The sums over all options.
    function totals() external view onceFinalized returns (OptionResult memory) {
        return _totals;
    }

    /// @notice The two chains and their lengths. joinCount is one more than the joins: leaf 0 is nobody's.
    function chains()
        external
        view
        returns (uint256 joinChain, uint256 joinCount, uint256 messageChain, uint256 messageCount)
    {
        return (_joinChain, _joinCount, _messageChain, _messageCount);
    }

    /// @notice Everything that never changes.
    function pollInfo() external view returns (PollInfo memory info) {
        info.maci = address(MACI);
        info.owner = OWNER;
        info.pollId = POLL_ID;
        info.verifier = address(VERIFIER);
        info.joinVerifier = address(JOIN_VERIFIER);
        info.pollContext = POLL_CONTEXT;
        info.scope = SCOPE;
        info.emptyStateRoot = EMPTY_STATE_ROOT;
        info.emptyTallyRoot = EMPTY_TALLY_ROOT;
        PollSettings memory settings = info.settings;
        settings.coordinatorKey = PublicKey(KEY_X, KEY_Y);
        settings.voteOptions = VOTE_OPTIONS;
        settings.mode = MODE;
        settings.shape = Shape(STATE_TREE_DEPTH, VOTE_OPTION_TREE_DEPTH, EVENTS_PER_STEP);
        settings.startTime = START_TIME;
        settings.endTime = END_TIME;
        settings.signedWithin = SIGNED_WITHIN;
        settings.lastRoot = LAST_ROOT;
        settings.provingBase = PROVING_BASE;
        settings.provingPerMessage = PROVING_PER_MESSAGE;
        settings.provingMax = PROVING_MAX;
        settings.credits = CREDITS;
        settings.topUpToken = TOP_UP_TOKEN;
        settings.creditUnit = CREDIT_UNIT;
        settings.beneficiary = BENEFICIARY;
        settings.messageFee = MESSAGE_FEE;
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
    function _requireAnchor(uint256 blockNumber, uint256 anchor) private view {
        uint256 expected = anchorOf(blockNumber);
        if (anchor != expected) revert Anchors.WrongAnchor(anchor, expected);
    }

    /// @dev The index of the next one of so many messages or top-ups.
    function _take(uint256 messages) private returns (uint256 index) {
        index = _messageCount;
        if (index + messages > messageLimit()) revert MessagesFull(messageLimit());
        _messageCount = uint48(index + messages);
    }

    function _takeFee(uint256 messages) private {
        uint256 due = MESSAGE_FEE * messages;
        if (msg.value != due) revert WrongFee(msg.value, due);
        if (due != 0) feesOf[msg.sender] += due;
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
    function _topUp(uint256 stateIndex, uint256 amount) private {
        if (address(TOP_UP_TOKEN) == address(0)) revert NoTopUps();
        if (stateIndex == 0 || stateIndex >= _joinCount) revert UnknownStateIndex(stateIndex);
        uint256 received = _receive(amount);
        uint256 credits = received / CREDIT_UNIT;
        if (received % CREDIT_UNIT != 0) revert TokenRemainder(received % CREDIT_UNIT);
        if (credits == 0 || credits > MAX_AMOUNT) revert AmountOutOfRange(credits);
        depositOf[msg.sender] += received;
        uint256 index = _take(1);
        _messageChain = PoseidonT4.hash([_messageChain, PoseidonT4.hash([TOP_UP, stateIndex, credits]), 0]);
        emit TopUp(index, stateIndex, credits, msg.sender);
    }

    /// @dev Takes tokens from the sender and tells how many arrived.
    function _receive(uint256 amount) private returns (uint256) {
        uint256 before = TOP_UP_TOKEN.balanceOf(address(this));
        TOP_UP_TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        return TOP_UP_TOKEN.balanceOf(address(this)) - before;
    }

    function _firstState() private view returns (uint256[7] memory) {
        return [POLL_CONTEXT, ZERO, 1, 0, 0, EMPTY_STATE_ROOT, EMPTY_TALLY_ROOT];
    }

    /// @dev Without messages there is no head, and the cursor has not moved.
    function _lastState(uint256 newStateRoot, uint256 tallyRoot) private view returns (uint256[7] memory) {
        (uint256 head, uint256 cursor) = _messageCount == 0 ? (0, 0) : (_messageChain, ZERO);
        return [POLL_CONTEXT, _joinChain, _joinCount, head, cursor, newStateRoot, tallyRoot];
    }

    /// @dev The sums fit: all credits together are below 2^99 (2^50 top-ups of 2^48, 5^20 joins of 2^32), and no votes
    /// without credits.
    function _store(OptionResult[] calldata newResults) private returns (OptionResult memory sums) {
        for (uint256 i = 0; i < newResults.length; ++i) {
            OptionResult calldata one = newResults[i];
            sums.votes += one.votes;
            sums.spent += one.spent;
            _results.push(one);
        }
        _totals = sums;
    }

    function _requireResults(OptionResult[] calldata newResults) private view {
        if (newResults.length != VOTE_OPTIONS) revert WrongNumberOfResults(newResults.length, VOTE_OPTIONS);
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
