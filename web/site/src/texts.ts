// Everything that the page says, in one file.
import type { Mode, PollFacts, PollState } from "@maci-nova/sdk";

const number = new Intl.NumberFormat("en");
const moment = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat("en", { timeStyle: "short" });

/** A number for people; a text is a whole number of any length. */
export const count = (value: number | bigint | string) =>
  number.format(typeof value === "string" ? BigInt(value) : value);

/** So many of something. */
export const many = (value: number, one: string, several = `${one}s`) => `${count(value)} ${value === 1 ? one : several}`;

/** A time, of seconds since 1970. */
export const time = (seconds: number) => moment.format(seconds * 1000);

/** A span, of seconds, in its largest unit. */
export function span(seconds: number): string {
  const units: [number, string][] = [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
  ];
  for (const [size, unit] of units) if (seconds >= size) return many(Math.round(seconds / size), unit);
  return many(Math.max(0, Math.round(seconds)), "second");
}

/** Wei, as ether where that is shorter. */
export function wei(amount: string): string {
  const value = BigInt(amount);
  if (value < 1_000_000_000n) return `${count(value)} wei`;
  const digits = value.toString().padStart(19, "0");
  const fraction = digits.slice(-18).replace(/0+$/, "");
  return `${digits.slice(0, -18)}${fraction ? `.${fraction}` : ""} ether`;
}

const states: Record<PollState, string> = {
  pending: "It has not started.",
  open: "It is open: people join and vote.",
  ended: "It has ended. Its coordinator counts, and proves the count.",
  expired: "It was not counted in time: anyone may abort it, and what was paid is returned.",
  finalized: "It is finished: the results are final.",
  aborted: "It was aborted: there are no results.",
};

const costs: Record<Mode, string> = {
  quadratic:
    "A vote costs its square: 1 vote costs 1 credit, 2 votes cost 4, 3 cost 9. So it is cheap to say what you would like, and dear to insist.",
  linear: "A vote costs one credit.",
  full: "You give all your credits to one option.",
  negative:
    "A vote costs its square: 1 vote costs 1 credit, 2 votes cost 4, 3 cost 9. A number below zero is a vote against an option, and costs the same.",
};

export const texts = {
  appTitle: "Vote",
  tasks: {
    open: "Opening the poll",
    connect: "Connecting the wallet",
    chain: "Changing the network",
    node: "Changing the node",
    keys: "Making your keys",
    unlock: "Unlocking your keys",
    signUp: "Signing up",
    join: "Joining the poll",
    vote: "Sending your ballot",
    send: "Sending your ballot",
    topUp: "Buying credits",
    verify: "Checking the results",
    settle: "What was on its way",
    save: "Saving a file",
  },
  stop: "Stop waiting",
  stopped: "Stopped. What your wallet was asked for may be sent still: look there.",
  working: "Working:",
  sinceSeconds: (seconds: number) => `${seconds} s`,
  reading: (done: number, total: number) => `reading the chain: ${count(done)} of ${many(total, "block")}`,
  stage: (label: string) =>
    label === "join proof" ? "proving that you are one of those who signed up, without saying which (seconds)" : label,
  inWallet: "look into your wallet, and confirm or decline there",
  inBlock: (hash: string) => `sent as ${hash.slice(0, 10)}…, waiting for a block`,
  sealing: "encrypting your keys under your passphrase",
  loadingKey: "loading the proving key (4 MB)",
  readingKey: "checking the proving key (seconds)",
  preparing: "preparing",
  signing: "signing and encrypting",
  relayerHas: (wait: number) => `the relayer has it, and publishes it within about ${span(wait)}`,
  verifying: "reading everything that was sent, and the proof",

  // Errors of the page's own, each with what to do.
  noPollFile: (url: string) => `There is no poll file at ${url}. Check the link, or choose the file yourself.`,
  noPollChosen: "Choose the poll's file, poll.json, first.",
  notPollFile: "This is not a poll file. The poll's operator publishes one, called poll.json.",
  noMetadata:
    "The poll file names a description of the poll, and it is not here. Choose the file poll.metadata.json as well; without it, nobody can tell what the options are.",
  noNode: (chainId: number | undefined) =>
    `Nothing here reads chain ${chainId ?? "?"}: connect a wallet that is on it, or give the address of a node.`,
  noAccount: "The wallet shows no account. Unlock it, and let this page see one.",
  noWallet: "Connect a wallet first.",
  otherChain: (chainId: number) => `Your wallet is on another network. Change it to chain ${chainId}.`,
  noJoinKey:
    "The proving key is not beside the poll file. Choose the file poll.join.key, which the poll's operator publishes.",
  noRelayer: "Give the address of a relayer first.",
  locked: "Unlock your keys first.",
  notJoined: "Join the poll first.",
  sameKeys: "Both keys are the same, which would show everybody who you are. Use two.",

  held: (block: number | null) =>
    `A relayer has a ballot of yours that is not in the poll yet; sent after a new one, it would undo it. Send that one with your wallet first, below${block === null ? "" : `, or wait until block ${count(block)} has passed`}.`,

  // What was done.
  keysKept: "Your keys are made, and kept in this browser under your passphrase.",
  signedUp: "You have signed up.",
  joined: (credits: number) => `You have joined, with ${many(credits, "credit")}.`,
  ballotKept: "Your ballot is signed and kept here. Nobody has it yet.",
  ballotThere: "Your ballot is in the poll: all of it, in order.",
  otherTab: "Keys were made in another tab or window meanwhile: load this page again, and unlock those.",
  otherTabSends: "Another tab or window is sending this: look there.",
  notSecure: "This page keeps keys, and browsers let it do so only by HTTPS: open it at an address that begins with https.",
  buying: "Credits are being bought: wait until that is settled, below.",
  landed: (what: string) => `It is in a block: ${what}.`,
  reverted: (what: string) => `The contract has refused this, and nothing came of it: ${what}. Do it again if it is still needed.`,
  toppedUp: (credits: number) => `${many(credits, "credit")} bought. They count for ballots that were sent before.`,

  hints: {
    "other-node": "Try again, or read the chain through another node (below, under “Where this page reads”).",
    "other-node-or-proof": "Try another node (below, under “Where this page reads”).",
    "sign-up": "Sign up first, with the same key.",
    "join-key": "Choose the file poll.join.key from the poll's operator.",
    "key-of-join": "Use the key that you joined with.",
    "vote-again": "Vote again, with the whole ballot.",
    "min-credits": "Ask for fewer credits.",
    "publish-yourself": "Send the same ballot with your wallet, below. Do not sign another one first.",
    "state-index": "Somebody else has joined with your key. Say below which voter you are: what you saw when you joined.",
    nonce: "Vote again, with the key that you joined with.",
    proof: "Ask the poll's coordinator for the proof.",
    "other-poll-file": "Use the file of this poll.",
    "key-digest": "Compare the digest with the ceremony's.",
  } as Record<string, string>,

  open: {
    title: "Which poll",
    about: "The poll's operator publishes a link, or a file called poll.json. Take it from somebody you trust: it says where the poll is.",
    choose: "Choose poll.json (and poll.metadata.json, poll.join.key)",
    other: "Files of the poll",
    otherAbout: "Choose another poll's files here, or a file that this one lacks.",
  },
  poll: {
    unnamed: (facts: PollFacts) => `Poll ${facts.poll.slice(0, 8)}…`,
    options: (options: number) => many(options, "option"),
    state: (state: PollState) => states[state],
    insecure:
      "For trying out only: whoever made this poll's keys can forge its results. Do not decide anything with it.",
    phases: { before: "Starts", open: "Ends", counted: "Counted at the latest" },
    signUps: "Signed up",
    joins: "Joined",
    messages: "Messages and top-ups",
    of: (value: number, most: number) => `${count(value)} of at most ${count(most)}`,
    unprotected:
      "In this poll anyone can send any old ballot again, at any time, and it then counts in place of a newer one. It is for other programs' voters.",
    details: "Details",
    contract: "Contract",
    chain: "Chain",
    coordinator: "Coordinator's key",
    fee: "Fee for each message",
    none: "none",
  },
  wallet: {
    title: "Wallet",
    about: "It pays for what you send. Your voting keys are others, and stay in this browser.",
    none: "No wallet was found in this browser. You can read the poll without one, and vote through a relayer after signing up.",
    connect: (name: string) => `Connect ${name}`,
    connected: (name: string, account: string) => `${name}: account ${account}`,
    change: (chainId: number) => `Change to chain ${chainId}`,
    wrong: (chainId: number, wanted: number) => `The wallet is on chain ${chainId}, and the poll on chain ${wanted}.`,
  },
  keys: {
    title: "Your keys",
    about:
      "Two: one signs up, once for all polls here; the other votes in this poll, so that nobody sees who votes. Whoever has the second one, and sends last, decides your vote: give it to nobody.",
    origin: "Where they come from",
    fromWallet: "From a signature of my wallet: I can have them again with the same account",
    random: "Random: I must save them, or they are gone with this browser's data",
    fromFile: "From key files of the command-line program or another browser",
    identityFile: "Key that signed up (or signs up)",
    pollFile: "Key in this poll (or none, for a new one)",
    passphrase: "Passphrase",
    passphraseAgain: "Passphrase again",
    passphraseAbout: "Keys are kept in this browser, encrypted under it. At least 8 characters. Nobody can recover it.",
    passphraseShort: "The passphrase has fewer than 8 characters.",
    passphraseDiffers: "The two passphrases differ.",
    noFile: "Choose the file of the key that signs up.",
    make: "Make my keys",
    unlock: "Unlock my keys",
    noPollKey: "You have no key in this poll yet. Whoever has it, and sends last, decides your vote: give it to nobody.",
    onePollFile: "Key file of the key that joined, or shall join",
    makeOne: "Make my key in this poll",
    takeFile: "Use another key in this poll, from a file",
    takeFileAbout: "For instance the one that you joined with elsewhere. The one before stays among the keys below.",
    unsaved: "These keys are only in this browser, which may lose them. Save both as files now.",
    keptSafe: "I have saved them",
    later: (keys: number) => `Save ${many(keys, "earlier or later key")} of this poll`,
    kept: "Keys are kept in this browser. Unlock them with your passphrase.",
    unlocked: "Unlocked until you leave this page.",
    identity: "Signs up",
    inPoll: "Votes here",
    save: "Save as key files",
    saveIdentity: "Save the key that signs up",
    savePoll: "Save the key that votes here",
    saveAbout: "These files hold your keys in the clear, as the command-line program reads them. Keep them to yourself.",
    forget: "Remove the keys from this browser",
    forgetSure:
      "Remove the key that signs up, and your keys in ALL polls here, from this browser? Without copies you cannot vote again with them.",
  },
  signUp: {
    title: "Sign up",
    about: "Once for all polls of this MACI. The account that signs up is visible.",
    nothing: "Anyone may sign up.",
    token: (token: string) => `Owners of a token of ${token} may sign up. Give the token's number.`,
    tokenId: "Token number",
    policy: (policy: string) => `The policy at ${policy} decides. Give what it asks for, in hexadecimal.`,
    unknown: (gatekeeper: string) => `The contract at ${gatekeeper} decides. Give what it asks for, in hexadecimal.`,
    data: "What it asks for",
    dataWrong: "This is not hexadecimal: 0x and pairs of digits 0 to 9 and a to f.",
    tokenWrong: "A token number is a whole number.",
    act: "Sign up",
    done: (index: number) => `You are sign-up ${count(index)}.`,
    late: "You signed up after this poll was created with its last sign-up: you cannot join it.",
  },
  join: {
    title: "Join this poll",
    about:
      "Your browser proves that you are one of those who signed up, without saying which. The account that sends is visible: use another one than for signing up, or a relayer.",
    linked: "In this poll credits are read from the account that joins, so it can be seen who votes, though not how.",
    byWallet: "Join with my wallet",
    byRelayer: "Join through the relayer",
    done: (credits: number, index: number) => `You are voter ${count(index)}, with ${many(credits, "credit")}.`,
    several: "Several voters have joined with your key. Which one are you? It is what you saw when you joined.",
    iAm: (index: number, credits: number) => `I am voter ${count(index)}, with ${many(credits, "credit")}`,
    sameAccount:
      "This account has signed up. If it joins as well, everybody sees who votes, though not how. Change the account in your wallet, or use a relayer.",
    askNode:
      "The node that is asked whether you have joined sees that this browser joins. If it must not know who you are, use a node that your wallet does not use.",
    minCredits: "Join only with at least so many credits",
  },
  ballot: {
    title: "Your ballot",
    about: "It takes the place of everything that you sent before. You can vote again until the poll ends: the last ballot counts.",
    cost: (mode: Mode) => costs[mode],
    votes: (name: string) => `Votes for ${name}`,
    votesShort: "Votes",
    choose: "Your option",
    costs: (cost: number) => `costs ${many(cost, "credit")}`,
    left: (left: number, all: number) => `${count(left)} of ${many(all, "credit")} left`,
    over: (over: number) => `${many(over, "credit")} too many: lower a number`,
    dear: (over: number) =>
      `This costs ${many(over, "credit")} more than you have. It counts as a whole only if somebody buys that many for you AFTER it was sent; until then a part of it is refused, and an earlier ballot of yours may count instead.`,
    transactions: (transactions: number) =>
      `It takes ${many(transactions, "transaction")}, which you confirm one after the other within the time that a signed ballot is taken. If that is too short, what is sent so far does not count: use a relayer, or vote for fewer options.`,
    option: (index: number) => `Option ${index}`,
    empty: "Give at least one option a vote.",
    whole: "Votes are whole numbers.",
    negative: "In this poll votes cannot be below zero.",
    byWallet: "Vote with my wallet",
    byRelayer: "Vote through the relayer",
    byNobody: "Only sign it",
    more: "More choices",
    atLeast: "Send at least so many messages, so that nobody sees for how many options you vote",
    changeKey: "Change my key with it: a new key is made and kept here, whose ballots count only where they were sent before this one",
    fee: (fee: string, messages: number) => `The poll takes a fee of ${fee} for ${many(messages, "message")}, besides gas.`,
    missing: (missing: string) =>
      `A part of the ballot counts only if somebody buys ${missing} credits for you AFTER it was sent.`,
    notOpen: "You can vote once the poll is open.",
    again: "Vote again",
  },
  repeats: {
    title: "If somebody watched you",
    none: (block: number) =>
      `Nothing that is in the poll can be sent again by others. A ballot that you gave away, or tried to send, since block ${count(block)} still can.`,
    undone:
      "An earlier ballot of yours was sent after the newest one, by somebody else perhaps, and counts in its place. Vote again.",
    until: (block: number, seconds: number) =>
      `Until about ${clock.format(Date.now() + seconds * 1000)} (block ${count(block)}) others can send again what you have sent until now, and it then counts last. If somebody watched you vote, or you gave a ballot away, vote again after that: it stands.`,
    toTheEnd:
      "What you have sent until now others can send again until the poll ends, and it then counts last: vote as late as you can.",
  },
  sent: {
    title: "Ballots from this browser",
    at: (when: number) => `Signed on ${moment.format(when)}`,
    messages: (messages: number) => many(messages, "message"),
    there: "In the poll: all of it, in order.",
    notThere: "Not in the poll, or not all of it.",
    withRelayer: (state: string) => `The relayer has it (${state}).`,
    late: "The relayer has not published it, and soon it is too late: send it with your wallet now. It is the same ballot.",
    broken: "The poll has it in another order, or only a part of it and something after it: it does not count as it should. Vote again.",
    until: (block: number) => `It can be sent until about block ${count(block)}.`,
    tooOld: "It is too old to be sent.",
    discardSure: "Forget this ballot? A relayer may have it, and can still publish it, after a newer one too.",
    send: "Send it with my wallet",
    relay: "Send it through the relayer",
    save: "Save it as a file",
    discard: "Forget it",
    check: "Look again",
  },
  pending: {
    sent: (what: string, hash: string) => `On its way: ${what}, transaction ${hash}. This page waits for it.`,
    asked: (what: string) =>
      `Your wallet was asked for this, and the page was left before it answered: ${what}. Look there whether it was sent. If not, do it again.`,
    clear: "I have looked",
    purposes: {
      signUp: "signing up",
      join: "joining",
      publish: "your ballot",
      approve: "letting the poll take tokens (buy the credits after it)",
      topUp: "buying credits",
    },
  },
  topUp: {
    title: "Buy credits",
    about: (unit: string, token: string) =>
      `A credit costs ${unit} of the token ${token}, in its smallest unit. Bought credits count for ballots that were sent before, not for later ones. Anyone can see the purchase.`,
    credits: "Credits",
    costs: (tokens: string) => `costs ${tokens}`,
    act: "Buy",
    wrong: "Credits are a whole number, at least 1.",
  },
  relayer: {
    title: "Relayer",
    about: "A relayer publishes for you and pays, and learns neither who you are nor how you vote. If it does nothing, send the same ballot with your wallet.",
    address: "Address of a relayer",
  },
  results: {
    title: "Results",
    option: "Option",
    votes: "Votes",
    spent: "Credits",
    total: "All",
    check: "Check them in this browser",
    digest: "Digest of the ceremony's keys, if you have it from somebody you trust",
    checked: (voters: number, messages: number) =>
      `Checked here: every event of the poll (${many(voters, "voter")}, ${many(messages, "place")} for messages) leads to its hash chains; its contracts' code is this program's; the proof shows that these are the results of exactly these events; the contract has stored the same.`,
    rests: (digest: string) =>
      `What this rests on, and no browser can check: that the node tells the truth about the chain, and that the keys with digest ${digest} come from a ceremony of which at least one member was honest.`,
    insecure: (reason: string) => `This shows nothing to those who do not trust whoever made the keys: ${reason}.`,
    unknownGatekeeper: "Who may sign up is decided by a contract that is not this project's: read it.",
    unknownCredits: "Credits are given by a contract that is not this project's: read it.",
    unchecked: "As the contract has stored them. Nothing was checked yet.",
  },
  node: {
    title: "Where this page reads",
    about:
      "By default through your wallet, or the node that the poll file names. A node cannot change what the poll is, nor read or change a vote. It can leave things out, hold things back, and say false times, credits or results, which another node, or checking the results, shows; and it sees what this browser asks.",
    now: (url: string) => `Now: ${url}`,
    address: "Address of a node",
    use: "Use it",
  },
  operator: {
    title: "Operate a poll",
    describe: "What the poll is about",
    describeAbout:
      "The contract knows numbers of options alone. What they stand for is said in a file, poll.metadata.json, and the poll file names it by its hash: publish both, beside each other, before anybody votes. A file that is changed later is another one, and is not shown.",
    pollTitle: "Title",
    description: "Description",
    name: (option: number) => `Name of option ${option}`,
    about: (option: number) => `More about option ${option}`,
    write: "Save both files",
    written: "Saved: poll.metadata.json, and poll.json that names it. Publish them beside poll.join.key.",
    footer: "Creating, counting and finalizing a poll is done with the command-line program or its service.",
  },
  element: {
    reading: "Reading the results…",
    noNode: "The poll file names no node: give its address in the attribute “node”.",
  },
  footer:
    "Nothing leaves this page but what goes to the chain, the node and the relayer that you chose. Ballots are encrypted to the coordinator, who can read them, and cannot count them wrongly.",
};
