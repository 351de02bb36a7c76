import { readFile, rename } from 'node:fs/promises'
import { z } from 'zod'
import { folderName } from '../wire/names.ts'
import { replaceFile } from '../wire/replace-file.ts'
import { errorCode } from '../words/problem.ts'

const senderSchema = z.object({
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string().min(1).max(200),
  /** Its folder in the store; kept for ever, so that a sender that comes back finds its files. */
  folder: z.string().min(1).max(255),
  /** Milliseconds since 1970; null: known, but only accepted while the configuration trusts it. */
  pairedAt: z.number().nullable(),
})
export type Sender = z.infer<typeof senderSchema>

const fileSchema = z.object({ version: z.literal(1), senders: z.array(senderSchema).max(100_000) })

export interface Trusted {
  fingerprint: string
  name: string
}

/** Who may send, and into which folder. */
export interface Senders {
  /** The sender with this certificate if it may send now. */
  accepted(fingerprint: string): Sender | null
  /** Senders that the configuration accepts besides the paired ones. */
  trust(trusted: readonly Trusted[]): Promise<void>
  pair(fingerprint: string, name: string, now: number): Promise<Sender>
  readonly pairedCount: number
}

/** A folder for a new sender that no other one has, whatever the case of its letters. */
export function freeFolder(name: string, taken: readonly string[]): string {
  const used = new Set(taken.map((folder) => folder.toLowerCase()))
  const wanted = folderName(name)
  let folder = /^\.holdfast/i.test(wanted) ? `_${wanted}` : wanted
  for (let count = 2; used.has(folder.toLowerCase()); count += 1) folder = `${wanted}-${count}`
  return folder
}

async function readSenders(file: string, notice: (text: string) => void): Promise<Sender[]> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return []
    throw thrown
  }
  try {
    return fileSchema.parse(JSON.parse(text)).senders
  } catch {
    const aside = `${file}.broken-${new Date().toISOString().replace(/[:.]/g, '-')}`
    await rename(file, aside)
    notice(`the list of paired senders could not be read and was kept as ${aside}: pair them again`)
    return []
  }
}

export async function openSenders(file: string, notice: (text: string) => void): Promise<Senders> {
  let senders = await readSenders(file, notice)
  let trusted = new Set<string>()
  let writing: Promise<void> = Promise.resolve()

  // One write at a time, and a sender counts as paired only once it is written.
  const change = (next: (current: readonly Sender[]) => Sender[]): Promise<void> => {
    const written = writing.then(async () => {
      const changed = next(senders)
      if (JSON.stringify(changed) === JSON.stringify(senders)) return
      await replaceFile(file, `${JSON.stringify({ version: 1, senders: changed }, null, 2)}\n`)
      senders = changed
    })
    writing = written.catch(() => undefined)
    return written
  }

  const put = (
    current: readonly Sender[],
    fingerprint: string,
    name: string,
    pairedAt: number | null,
  ): Sender[] => {
    const known = current.find((sender) => sender.fingerprint === fingerprint)
    const others = current.filter((sender) => sender !== known)
    const folder =
      known?.folder ??
      freeFolder(
        name,
        others.map((sender) => sender.folder),
      )
    return [...others, { fingerprint, name, folder, pairedAt: pairedAt ?? known?.pairedAt ?? null }]
  }

  const find = (fingerprint: string) => senders.find((sender) => sender.fingerprint === fingerprint) ?? null

  return {
    accepted(fingerprint) {
      const sender = find(fingerprint)
      return sender !== null && (sender.pairedAt !== null || trusted.has(fingerprint)) ? sender : null
    },
    async trust(list) {
      trusted = new Set(list.map(({ fingerprint }) => fingerprint))
      await change((current) =>
        list.reduce<Sender[]>((all, one) => put(all, one.fingerprint, one.name, null), [...current]),
      )
    },
    async pair(fingerprint, name, now) {
      await change((current) => put(current, fingerprint, name, now))
      const sender = find(fingerprint)
      if (sender === null) throw new Error('the sender was not kept')
      return sender
    },
    get pairedCount() {
      return senders.filter((sender) => sender.pairedAt !== null).length
    },
  }
}
