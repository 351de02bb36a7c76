import type { AppState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import type { Incident } from '../alerts/incidents.ts'

type Say = (message: Message) => string

/** For a message to whoever helps: the version and how everything is. */
export function statusDetails({ version, status, incidents }: AppState, say: Say): string {
  const lasting = incidents.filter(({ endedAt }) => endedAt === null)
  return [
    `Holdfast ${version}`,
    `${status.level}: ${say(status.sentence)}`,
    ...(status.detail === null ? [] : [say(status.detail)]),
    ...lasting.map((one) => incidentDetails(one, version, say)),
  ].join('\n')
}

/** The same of one incident: what is wrong, where, since when, and what helps. */
export function incidentDetails(incident: Incident, version: string, say: Say): string {
  const { id, kind, group, paths, failing, startedAt, endedAt, sentence, step } = incident
  const time = (at: number) => new Date(at).toISOString()
  return [
    `Holdfast ${version}, ${kind}, ${group}`,
    say(sentence),
    ...Object.entries(failing).map(([one, why]) => `${paths[one] ?? one}: ${say(why)}`),
    ...(step === null ? [] : [step]),
    `${time(startedAt)} – ${endedAt === null ? '' : time(endedAt)} (${id})`,
  ].join('\n')
}
