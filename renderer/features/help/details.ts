import type { AppState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import type { Incident } from '../alerts/incidents.ts'

type Say = (message: Message) => string

/** Returns the version and the status as text, for a support request. */
export function statusDetails({ version, status, incidents }: AppState, say: Say): string {
  const lasting = incidents.filter(({ endedAt }) => endedAt === null)
  return [
    `Holdfast ${version}`,
    `${status.level}: ${say(status.sentence)}`,
    ...(status.detail === null ? [] : [say(status.detail)]),
    ...(status.more ?? []).map(say),
    ...lasting.map((one) => incidentDetails(one, version, say)),
  ].join('\n')
}

/**
 * Returns an incident as text: the failure, its place, its start and the next step.
 * @param files sentences about files that may be damaged
 */
export function incidentDetails(
  incident: Incident,
  version: string,
  say: Say,
  files: readonly Message[] = [],
): string {
  const { id, kind, group, paths, failing, startedAt, endedAt, sentence, step } = incident
  const time = (at: number) => new Date(at).toISOString()
  return [
    `Holdfast ${version}, ${kind}, ${group}`,
    say(sentence),
    ...Object.entries(failing).map(([one, why]) => `${paths[one] ?? one}: ${say(why)}`),
    ...(incident.cause ?? []).map(say),
    ...files.map(say),
    ...(step === null ? [] : [step]),
    `${time(startedAt)} – ${endedAt === null ? '' : time(endedAt)} (${id})`,
  ].join('\n')
}
