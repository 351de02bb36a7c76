import { randomBytes } from 'node:crypto'
import { type KeptProposal, MOST_PROPOSED_NAMES } from '../protocol/proposal.ts'
import { listProposedKeys, parseProposal } from '../settings/proposal.ts'
import type { Senders } from '../store/senders/senders.ts'

/** Limit of a setting's name in the list of senders; the name of a source is part of it. */
const LONGEST_NAME = 300

/**
 * Creates a proposal for senders.
 * @param by the person who makes it.
 * @throws UserError proposal.tooLarge, proposal.invalid, refuse.unclosedPattern
 */
export function createProposal(text: string, by: string, now: number): Parameters<Senders['propose']>[1] {
  const names = listProposedKeys(parseProposal(text))
  return {
    id: randomBytes(16).toString('hex'),
    // The name of a user or a token may contain anything; senders refuse control characters.
    by: by.replace(/\p{Cc}+/gu, ' ').slice(0, 200),
    text,
    at: now,
    settings: names.slice(0, MOST_PROPOSED_NAMES).map((name) => name.slice(0, LONGEST_NAME)),
  }
}

/** Returns a proposal for a list: without its text, which may be long. */
export function withoutText(kept: KeptProposal | null): Omit<KeptProposal, 'text'> | null {
  if (kept === null) return null
  const { text: _, ...proposal } = kept
  return proposal
}
