import { z } from 'zod'
import { type Decision, decisionSchema } from '../../../backends/backend-messages.ts'
import { dropError } from '../../../dropped-errors.ts'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { messageSchema } from '../../../lib/i18n/message-schema.ts'
import { toSentence, UserError } from '../../../lib/i18n/user-error.ts'
import { createWords } from '../../../lib/i18n/words.ts'
import { openKeptFile } from '../../../platform/files.ts'
import { type Proposal, proposalSchema } from '../../../protocol/proposal.ts'
import { destinationIds } from '../../../settings/destinations.ts'
import { applyProposal, describeProposal, parseProposal } from '../../../settings/proposal.ts'
import type { Settings } from '../../../settings/schema.ts'
import { recordCommand } from '../../recording.ts'
import type { AgentServices, Part } from '../../services.ts'
import type { ProposalState } from '../../state/schema.ts'

// Settings that receivers propose to this computer. A proposal waits until a person decides, or is accepted at once if
// the destination's settings allow it. The decision is kept: the receiver repeats a proposal until it has the decision.

const keptSchema = proposalSchema.extend({
  /** Milliseconds since 1970 of the arrival here. */
  at: z.number(),
  /** null: it waits. */
  decision: z
    .object({ accepted: z.boolean(), sentence: messageSchema.nullable(), at: z.number() })
    .nullable(),
})
type Kept = z.infer<typeof keptSchema>

const fileSchema = z.object({
  version: z.literal(1),
  /** The last proposal of each destination, by its id. */
  proposals: z.record(z.string(), keptSchema),
})

export type ProposalStore = ReturnType<typeof openProposalStore>

/** Opens the proposals that this computer keeps. A lost one comes again from its receiver. */
export function openProposalStore(file: string, isReadOnly: boolean) {
  const kept = openKeptFile(file, isReadOnly)
  const parse = (text: string) => fileSchema.parse(JSON.parse(text)).proposals
  const reason = 'the kept proposals cannot be read; receivers repeat those that wait'
  const proposals = new Map<string, Kept>(Object.entries(kept.load(parse, {}, reason)))
  const save = () =>
    kept.save(JSON.stringify({ version: 1, proposals: Object.fromEntries(proposals) }, null, 2))

  return {
    /** The destinations whose proposals wait for a decision. */
    listWaiting: () => [...proposals].filter(([, { decision }]) => decision === null),
    /**
     * Returns the proposal that waits.
     * @throws UserError refuse.proposalGone
     */
    getWaiting(destination: string, id: string): Kept {
      const found = proposals.get(destination)
      if (found?.id !== id || found.decision !== null) throw new UserError('refuse.proposalGone')
      return found
    },
    /** Stores what a receiver proposes; null: it has withdrawn an undecided proposal. */
    receive(destination: string, proposal: Proposal | null, now: number): void {
      const before = proposals.get(destination)
      if (proposal?.id === before?.id || (proposal === null && before?.decision !== null)) return
      if (proposal === null) proposals.delete(destination)
      else proposals.set(destination, { ...proposal, at: now, decision: null })
      save()
    },
    /** Stores a decision, unless the proposal was replaced, withdrawn or decided. */
    decide(destination: string, { id, accepted, sentence }: Decision, now: number): void {
      const before = proposals.get(destination)
      if (before?.id !== id || before.decision !== null) return
      proposals.set(destination, { ...before, decision: { accepted, sentence, at: now } })
      save()
    },
    /** Returns the last decision about a proposal of a destination; null: none, or one waits. */
    findDecision(destination: string): Decision | null {
      const found = proposals.get(destination)
      return found?.decision == null ? null : decisionSchema.parse({ id: found.id, ...found.decision })
    },
    /** Forgets the proposals of other destinations. */
    keepOnly(destinations: ReadonlySet<string>): void {
      const gone = [...proposals.keys()].filter((id) => !destinations.has(id))
      for (const id of gone) proposals.delete(id)
      if (gone.length > 0) save()
    },
    /** Describes the last proposal of each destination, with its effect on these settings. */
    list: (settings: Settings) =>
      [...proposals].map(([destination, one]) => toProposalState(settings, destination, one)),
    /** Resolves when the last change is written, or could not be. */
    saved: kept.saved,
  }
}

function toProposalState(
  settings: Settings,
  destination: string,
  { id, by, at, text, decision }: Kept,
): ProposalState {
  const facts = { destination, id, by, at, decision }
  const none = { differences: [], missing: [], alsoFor: [] }
  if (decision !== null) return { ...facts, ...none }
  try {
    const { differences, missing } = describeProposal(settings, parseProposal(text), destination)
    return { ...facts, differences, missing, alsoFor: findOthers(settings, destination, differences) }
  } catch (error) {
    return dropError(error, 'the agent declines an invalid proposal with this reason', { ...facts, ...none })
  }
}

/** Returns the names of the other destinations whose files the differences concern. */
function findOthers(
  settings: Settings,
  destination: string,
  differences: ProposalState['differences'],
): string[] {
  const { sources, destinations } = settings
  const names = new Set(differences.map(({ source }) => source))
  const isForAll = differences.some(({ source, key }) => source === null && key.startsWith('send.'))
  const ids = new Set(
    sources.filter(({ name }) => names.has(name)).flatMap((source) => destinationIds(settings, source)),
  )
  return destinations
    .filter(({ id }) => id !== destination && (isForAll || ids.has(id)))
    .map(({ name }) => name)
}

/** Limit of the names in a sentence. */
const MOST_NAMES = 20

const joinNames = (names: readonly string[]): string =>
  [...names.slice(0, MOST_NAMES), ...(names.length > MOST_NAMES ? ['…'] : [])].join(', ')

/** Returns the remark of a decision to accept: the sources that are not here; null: none. */
export function describeMissing(missing: readonly string[]): Message | null {
  return missing.length === 0 ? null : message('proposal.partly', { names: joinNames(missing) })
}

type Services = Pick<
  AgentServices,
  'settings' | 'store' | 'host' | 'layout' | 'language' | 'notices' | 'change' | 'createRecorder'
> & {
  senders: { apply(): void }
}

/** Decides about proposals in a running agent, and shows those that wait for a person. */
export class Proposals implements Part {
  readonly #agent: Services
  readonly #store: ProposalStore
  /** The waiting proposals that a notice was shown for, by destination. */
  readonly #noticed = new Map<string, string>()
  #isReviewing = false

  constructor(agent: Services) {
    this.#agent = agent
    this.#store = openProposalStore(agent.layout.proposals, agent.host.kind === 'once')
  }

  readonly list: ProposalStore['list'] = (settings) => this.#store.list(settings)
  readonly getWaiting: ProposalStore['getWaiting'] = (...which) => this.#store.getWaiting(...which)
  readonly saved: ProposalStore['saved'] = () => this.#store.saved()
  readonly close = this.saved

  /** Stores a decision, and has it sent to the receiver. */
  readonly decide: ProposalStore['decide'] = (...decision) => {
    this.#store.decide(...decision)
    this.#publish()
    this.#agent.senders.apply()
  }

  /** Returns the decision that a destination's sender answers a repeated proposal with. */
  get findDecision(): ((destination: string) => Decision | null) | null {
    // A one-shot run has separate settings, which a receiver must not change.
    return this.#agent.host.kind === 'once' ? null : this.#store.findDecision
  }

  /** Handles a message of a receiver; null: no proposal waits there. */
  receive(destination: string, proposal: Proposal | null): void {
    this.#store.receive(destination, proposal, Date.now())
    this.apply()
  }

  /** Decides about each waiting proposal that needs no person, after a proposal has arrived or settings have changed. */
  apply(): void {
    // Accepting a proposal changes the settings, which calls this again.
    if (this.#isReviewing || this.#agent.host.kind === 'once') return
    this.#isReviewing = true
    try {
      this.#store.keepOnly(new Set(this.#agent.settings.get().destinations.map(({ id }) => id)))
      for (const [destination, proposal] of this.#store.listWaiting()) this.#consider(destination, proposal)
    } finally {
      this.#isReviewing = false
    }
    this.#publish()
  }

  #consider(destination: string, { id, text }: Kept): void {
    const settings = this.#agent.settings.get()
    const own = settings.destinations.find((one) => one.id === destination)
    if (own?.kind !== 'receiver') return
    const { name } = own
    const end = (accepted: boolean, sentence: Message | null) =>
      this.decide(destination, { id, accepted, sentence }, Date.now())
    const decline = (sentence: Message) => {
      end(false, sentence)
      const said = createWords(this.#agent.language)(sentence)
      this.#agent.notices.add(getNoticeId(destination), message('proposal.declinedHere', { name, said }))
    }
    let effect: ReturnType<typeof describeProposal>
    try {
      effect = describeProposal(settings, parseProposal(text), destination)
    } catch (error) {
      decline(toSentence(error))
      return
    }
    const { differences, missing, isElsewhere } = effect
    if (isElsewhere) decline(message('proposal.notHere', { names: joinNames(missing) }))
    else if (differences.length === 0) end(true, describeMissing(missing))
    if (isElsewhere || differences.length === 0 || own.acceptProposals !== true) return
    const accept = async () => {
      this.#agent.change((before) => applyProposal(before, parseProposal(text), destination))
      end(true, describeMissing(missing))
    }
    const recorder = this.#agent.createRecorder({ via: 'receiver', name })
    recordCommand(recorder, 'acceptProposal', { destination }, accept).then(
      () => {
        const applied = message('proposal.applied', { name, count: differences.length })
        this.#agent.notices.add(getNoticeId(destination), applied)
      },
      // The settings could not be written. The proposal still waits, and a person can accept it.
      (error: unknown) => this.#agent.notices.add(getNoticeId(destination), toSentence(error)),
    )
  }

  /** Shows all proposals in the state, and those that wait for a person as notices. */
  #publish(): void {
    const { store, settings, notices } = this.#agent
    const proposals = this.#store.list(settings.get())
    store.update({ proposals })
    for (const { id, name } of settings.get().destinations) {
      const waiting = proposals.find((one) => one.destination === id && one.decision === null)?.id
      if (this.#noticed.get(id) === waiting) continue
      notices.dismiss(getNoticeId(id))
      if (waiting === undefined) this.#noticed.delete(id)
      else {
        this.#noticed.set(id, waiting)
        notices.add(getNoticeId(id), message('proposal.waiting', { name }))
      }
    }
  }
}

const getNoticeId = (destination: string) => `proposal ${destination}`
