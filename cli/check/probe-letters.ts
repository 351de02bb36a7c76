import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { ChannelType } from '../../core/alerts/channels/catalog.ts'
import { type ChannelOutcome, type OutgoingMessage, WITHIN_MS } from '../../core/alerts/channels/channel.ts'
import { getChannel } from '../../core/alerts/channels/kinds.ts'
import type { Notice } from '../../core/alerts/incident.ts'
import { diskKinds } from '../../core/alerts/kinds.ts'
import { renderMessage } from '../../core/alerts/render.ts'
import type { ProbedOnce } from '../../core/check/probe-once.ts'
import type { Words } from '../../core/lib/i18n/words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'

/** The read-only monitor's message for a failed step: LINE Notify puts its label before the first line. */
export const STEP_TEMPLATE = '\n[PROJ_CODE] {project}, in {resource}\n>>> {step} failed'

/** A channel through which the messages of a probe are sent. */
export interface Way {
  name: string
  type: ChannelType
  template: string | null
  options: Record<string, string>
  secrets: Record<string, string>
}

export interface LetterOptions {
  words: Words
  project: string
  resource: string | undefined
}

/** Returns a message for each failed step, in the order of the paths. */
export function buildMessages(
  probed: readonly ProbedOnce[],
  options: LetterOptions,
  look: { type: ChannelType | null; template: string | null },
): OutgoingMessage[] {
  const { words, project, resource } = options
  const computer = hostname()
  return probed.flatMap((one) =>
    one.failedSteps.map((step) => {
      // The template has line breaks; a name must not add any.
      const path = quoteControls(one.path)
      const labels = { project, resource: resource ?? path }
      const notice = buildNotice({ ...one, path }, step)
      return renderMessage(randomUUID(), notice, { words, computer, labels }, look, Date.now())
    }),
  )
}

function buildNotice({ path, verdict }: ProbedOnce, step: string): Notice {
  const at = Date.now()
  const kind = diskKinds.find((one) => one === verdict.kind) ?? 'error'
  const incident = {
    id: randomUUID(),
    kind,
    group: path,
    isOwn: false,
    paths: { [path]: path },
    failing: { [path]: verdict.sentence },
    sources: [],
    sentence: verdict.sentence,
    step,
    startedAt: at,
    noticedAt: at,
    endedAt: null,
    told: false,
    isSilent: false,
    repeats: 0,
    acknowledged: null,
    snoozedUntil: null,
  }
  return { id: incident.id, what: 'failed', about: incident.id, incident, times: 1, at }
}

/** Sends the messages in order. The first failure ends it, as the others would fail too. @returns it, or null. */
export async function deliver(
  way: Way,
  probed: readonly ProbedOnce[],
  options: LetterOptions,
): Promise<Exclude<ChannelOutcome, { did: 'delivered' }>['reason'] | null> {
  const { type, template, secrets } = way
  const given = { options: way.options, secrets, signal: new AbortController().signal, withinMs: WITHIN_MS }
  for (const letter of buildMessages(probed, options, { type, template })) {
    const outcome = await getChannel(type).send(letter, given)
    if (outcome.did !== 'delivered') return outcome.reason
  }
  return null
}
