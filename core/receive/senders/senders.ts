import { folderName } from '../../wire/names.ts'
import type { Sender } from './file.ts'
import { openSendersFile } from './file.ts'
import { LOST_AND_FOUND } from './lost-found.ts'

export type { Sender } from './file.ts'

export interface Trusted {
  fingerprint: string
  name: string
}

export interface SeenCertificates {
  /** The certificate that the sender has shown: its next one becomes its only one by that. */
  shown: string
  next: string | null
  /** The receiver's next certificate that the sender knows. */
  knowsNext: string | null
}

/** Who may send, and into which folder. */
export interface Senders {
  /** The sender with this certificate, or with this one as its next, if it may send now. */
  accepted(fingerprint: string): Sender | null
  /** The sender with this certificate, accepted or not. */
  known(fingerprint: string): Sender | null
  list(): readonly Sender[]
  /** Senders that the configuration accepts besides the paired ones. */
  trust(trusted: readonly Trusted[]): Promise<void>
  pair(fingerprint: string, name: string, now: number): Promise<Sender>
  /** Only the name that people read: the folder stays. */
  rename(fingerprint: string, name: string): Promise<void>
  /** It may not send any more, until it is paired again; its files stay. */
  revoke(fingerprint: string, now: number): Promise<void>
  /** What a sender has shown and said of its certificates; false: its next one is another sender's. */
  renew(folder: string, seen: SeenCertificates): Promise<boolean>
  /** Reads what another process has changed; true: something was new. */
  refresh(): Promise<boolean>
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

/** Folders in the store that belong to no sender: what original isocket clients send, and what a disk has of its own. */
const RESERVED_FOLDERS = ['isocket', LOST_AND_FOUND]

const isOf = (sender: Sender, fingerprint: string) =>
  sender.fingerprint === fingerprint || sender.next === fingerprint

function put(
  current: readonly Sender[],
  { fingerprint, name }: Trusted,
  paired: { at: number } | null,
): Sender[] {
  const known = current.find((sender) => isOf(sender, fingerprint))
  if (known === undefined) {
    const taken = [...RESERVED_FOLDERS, ...current.map((sender) => sender.folder)]
    const fresh = { fingerprint, name, folder: freeFolder(name, taken), pairedAt: paired?.at ?? null }
    return [...current, { ...fresh, revokedAt: null, next: null, knowsNext: null }]
  }
  const others = current.filter((sender) => sender !== known)
  if (paired === null) return [...others, { ...known, name }]
  return [...others, { ...known, name, pairedAt: paired.at, revokedAt: null }]
}

const edit = (fingerprint: string, change: Partial<Sender>) => (current: readonly Sender[]) =>
  current.map((sender) => (isOf(sender, fingerprint) ? { ...sender, ...change } : sender))

export async function openSenders(file: string, notice: (text: string) => void): Promise<Senders> {
  const kept = await openSendersFile(file, notice)
  let trusted = new Set<string>()

  const find = (fingerprint: string) => kept.senders.find((sender) => isOf(sender, fingerprint)) ?? null
  const isTrusted = ({ fingerprint, next }: Sender) =>
    trusted.has(fingerprint) || (next !== null && trusted.has(next))

  return {
    accepted(fingerprint) {
      const sender = find(fingerprint)
      if (sender === null || sender.revokedAt !== null) return null
      return sender.pairedAt !== null || isTrusted(sender) ? sender : null
    },
    known: find,
    list: () => kept.senders,
    async trust(list) {
      trusted = new Set(list.map(({ fingerprint }) => fingerprint))
      await kept.change((current) => list.reduce<Sender[]>((all, one) => put(all, one, null), [...current]))
    },
    async pair(fingerprint, name, now) {
      await kept.change((current) => put(current, { fingerprint, name }, { at: now }))
      const sender = find(fingerprint)
      if (sender === null) throw new Error('the sender was not kept')
      return sender
    },
    rename: (fingerprint, name) => kept.change(edit(fingerprint, { name })),
    revoke: (fingerprint, now) => kept.change(edit(fingerprint, { revokedAt: now })),
    async renew(folder, { shown, next, knowsNext }) {
      const isTaken = (one: Sender) => one.folder !== folder && next !== null && isOf(one, next)
      let taken = false
      await kept.change((current) => {
        taken = current.some(isTaken)
        return current.map((one) => {
          if (one.folder !== folder) return one
          const fingerprint = shown === one.next ? shown : one.fingerprint
          const following = next === null || taken ? (one.next === fingerprint ? null : one.next) : next
          return { ...one, fingerprint, next: following, knowsNext: knowsNext ?? one.knowsNext }
        })
      })
      return !taken
    },
    refresh: () => kept.refresh(),
    get pairedCount() {
      return kept.senders.filter(({ pairedAt, revokedAt }) => pairedAt !== null && revokedAt === null).length
    },
  }
}
