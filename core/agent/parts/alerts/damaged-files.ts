import path from 'node:path'
import { type Evidence, MOST_FILES } from '../../../check/evidence/evidence-messages.ts'
import { ignoreError } from '../../../dropped-errors.ts'
import type { NamedFile } from '../../../ledger/ledger-messages.ts'
import { shellWord } from '../../../lib/i18n/formats.ts'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { folderName } from '../../../protocol/names.ts'
import { EMBEDDED_DESTINATION } from '../../../settings/destinations.ts'
import type { Settings } from '../../../settings/schema.ts'
import type { AgentServices } from '../../services.ts'

/** Returns a sentence about each known file with one of these inodes on a file system (major:minor). */
export async function describeDamaged(
  { scanner, settings }: Pick<AgentServices, 'scanner' | 'settings'>,
  device: string | undefined,
  { inodes }: Evidence,
): Promise<Message[]> {
  if (device === undefined || inodes.length === 0) return []
  const known = settings.get()
  const destinations = [...known.destinations.map(({ id }) => id), EMBEDDED_DESTINATION]
  const sources = Object.fromEntries(known.sources.map((one) => [one.id, one.path]))
  const { files } = await scanner
    .request('filesOfInodes', { device, inodes, sources, destinations, most: MOST_FILES })
    .catch(ignoreError('a scanner that starts again names no file', { files: [] as NamedFile[] }))
  return files.flatMap((file) => describeFile(file, known) ?? [])
}

function describeFile(file: NamedFile, { sources, destinations }: Settings): Message | null {
  const source = sources.find(({ id }) => id === file.source)
  if (source === undefined) return null
  const where = { path: path.join(source.path, file.path) }
  const { name } = destinations.find(({ id }) => id === file.destination) ?? {}
  if (file.sentAt === null) return message('cause.fileNotSent', where)
  const sent = {
    ...where,
    at: file.sentAt,
    from: shellWord(name ?? EMBEDDED_DESTINATION),
    what: shellWord(`${folderName(source.name)}/${file.path}`),
  }
  return name === undefined
    ? message('cause.fileSentHere', sent)
    : message('cause.fileSent', { ...sent, destination: name })
}
