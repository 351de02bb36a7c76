import { mkdir, readdir, readFile, rename, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { defer } from '../../defer.ts'
import { ignoreError, settled } from '../../dropped-errors.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { ownKeys } from '../../lib/own-keys.ts'
import { type DirectoryLock, lockDirectory } from '../../lib/workers/directory-lock.ts'
import { makeDirectories, replaceFile } from '../../platform/files.ts'
import { errorCode } from '../../platform/system-error.ts'
import { LONGEST_WORD } from '../../protocol/limits.ts'
import { folderName } from '../../protocol/names.ts'
import { type KeptProposal, keptProposalSchema } from '../../protocol/proposal.ts'
import { LOST_AND_FOUND, OWN_DIRECTORY, type StoreLayout } from '../layout.ts'
import { StorageError } from '../outcome.ts'
import type { Store } from '../store.ts'

/** Folders in the store that belong to no sender: for files of original isocket clients, and of the file system. */
const RESERVED_FOLDERS = ['isocket', LOST_AND_FOUND]
/** Other names of the receiver's own directory, on a file system with short names (8.3). */
const OWN_NAME = /^\.?holdfa(st|~\d)/
/** Code points that some file systems ignore in names (HFS+), or that are invisible. */
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu
/** Minimum of digits of a fingerprint; fewer are taken for a name. */
const LEAST_DIGITS = 6
/** Limits for waiting for the list's lock: the receiver and a command may change the list at the same time. */
const LOCK_WITHIN_MS = 10_000
const LOCK_RETRY_MS = 20

/** Maximum of sources of a sender, as many as its settings can have. Each is kept for ever. */
const MOST_SOURCES = 1_000
/** Interval between two additions of sources, in which other processes get the list's lock. */
const SOURCES_EVERY_MS = 5 * LOCK_RETRY_MS

/** A sender's answer to a proposal. */
export type ProposalDecision = Pick<KeptProposal, 'id' | 'sentence' | 'words'> & { accepted: boolean }

const senderSchema = z.object({
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string().min(1).max(200),
  /** Its folder in the store; never changes, so that a sender that pairs again finds its files. */
  folder: z.string().min(1).max(255),
  /** Milliseconds since 1970; null: not paired, a computer that uses the store as a local folder. */
  pairedAt: z.number().nullable(),
  /** Milliseconds since 1970; null: not revoked. Pairing again clears it. */
  revokedAt: z.number().nullable().default(null),
  /** A text by which the receiver's operator groups senders; empty: none. */
  label: z.string().max(LONGEST_WORD).default(''),
  /** The directory of each of its sources in its folder, by the source's id; never changes. */
  sources: z.record(z.string(), z.string().min(1).max(255)).default({}).transform(ownKeys),
  /** null: none. An invalid one is dropped, because it must not make the list of senders invalid. */
  proposal: keptProposalSchema.nullable().default(null).catch(null),
})

export type Sender = z.infer<typeof senderSchema>

const fileSchema = z.object({ version: z.literal(1), senders: z.array(senderSchema).max(100_000) })

/** True if a sender may send now. */
export const isAccepted = ({ pairedAt, revokedAt }: Pick<Sender, 'pairedAt' | 'revokedAt'>): boolean =>
  pairedAt !== null && revokedAt === null

/** The senders that may send, and their folders. The list is a file that the receiver and commands change. */
export type Senders = Awaited<ReturnType<typeof openSenders>>

/**
 * @param notice see `openSendersFile`.
 * @param folders returns the folders in the store.
 */
export async function openSenders(
  file: string,
  notice: ((sentence: Message) => void) | null,
  folders: () => Promise<readonly string[]> = async () => [],
) {
  const kept = await openSendersFile(file, notice)

  const find = (fingerprint: string) =>
    kept.senders.find((sender) => sender.fingerprint === fingerprint) ?? null
  const byFolder = (folder: string) => kept.senders.find((sender) => sender.folder === folder)
  const addSource = openSourceAdding(kept, byFolder)

  return {
    /** Returns the sender with this certificate, if it may send now. */
    accepted(fingerprint: string) {
      const sender = find(fingerprint)
      return sender !== null && isAccepted(sender) ? sender : null
    },
    /** Returns the sender with this certificate, accepted or not. */
    known: find,
    list: () => kept.senders,
    /** Adds a computer that uses the store as a local folder and needs no pairing; null: it was revoked. */
    async own(fingerprint: string, name: string) {
      const others = await folders()
      await kept.change((current) => put(current, fingerprint, name, null, others))
      const sender = find(fingerprint)
      return sender?.revokedAt === null ? sender : null
    },
    /** @param replaces the folder of a sender that it replaces: the old certificate is no longer accepted. */
    async pair(fingerprint: string, name: string, now: number, replaces: string | null) {
      const others = await folders()
      await kept.change((current) =>
        replaces === null
          ? put(current, fingerprint, name, now, others)
          : replace(current, fingerprint, name, now, replaces),
      )
      const sender = find(fingerprint)
      if (sender === null) throw new Error('the sender was not kept')
      return sender
    },
    /** Changes only the displayed name: the folder stays. */
    rename: (fingerprint: string, name: string) => kept.change(edit(fingerprint, { name })),
    /** Sets the text by which senders are grouped; empty: none. */
    label: (fingerprint: string, label: string) => kept.change(edit(fingerprint, { label })),
    /** Revokes a sender's permission until it is paired again; its files stay. */
    revoke: (fingerprint: string, now: number) => kept.change(edit(fingerprint, { revokedAt: now })),
    /** Proposes settings to senders. Each one's former proposal is replaced. */
    propose: (fingerprints: readonly string[], proposal: Omit<KeptProposal, keyof typeof UNDECIDED>) =>
      kept.change((current) =>
        current.map((sender) =>
          fingerprints.includes(sender.fingerprint)
            ? { ...sender, proposal: { ...proposal, ...UNDECIDED } }
            : sender,
        ),
      ),
    /** Withdraws the proposals that wait at these senders; decided ones stay. */
    withdraw: (fingerprints: readonly string[]) =>
      kept.change((current) =>
        current.map((sender) =>
          fingerprints.includes(sender.fingerprint) && sender.proposal?.state === 'waiting'
            ? { ...sender, proposal: null }
            : sender,
        ),
      ),
    /** Returns the proposal that waits for the decision of the sender with this folder; null: none. */
    findWaiting(folder: string) {
      const proposal = byFolder(folder)?.proposal
      return proposal?.state === 'waiting' ? proposal : null
    },
    /** Records a sender's decision, unless the proposal was replaced or withdrawn. */
    decide: (folder: string, decision: ProposalDecision, now: number) =>
      kept.change((current) =>
        current.map((sender) => (sender.folder === folder ? withDecision(sender, decision, now) : sender)),
      ),
    /**
     * Returns the directory of a source in the sender's folder; a new one is saved before this resolves.
     * @throws StorageError `full` if the sender has too many or no room for it, `aborted` after the signal; UserError
     */
    sourceDirectory: async (folder: string, id: string, name: string, adding: Adding) =>
      byFolder(folder)?.sources[id] ?? (await addSource({ folder, id, name, ...adding })),
    /** Returns the id of the source that a directory belongs to; null: unknown. */
    sourceIn(folder: string, directory: string) {
      const sources = Object.entries(byFolder(folder)?.sources ?? {})
      return sources.find(([, one]) => one === directory)?.[0] ?? null
    },
    /** Reloads the list if another process has changed the file. Returns true if the list is different. */
    refresh: () => kept.refresh(),
    get pairedCount() {
      return kept.senders.filter(isAccepted).length
    },
  }
}

/** How a new source is added. */
interface Adding {
  /** @param sources the sender's sources with this one. @throws StorageError if there is no room for it */
  admit(sources: number): Promise<void>
  /** Aborted when the connection that has named the source is gone: it is not added then. */
  signal: AbortSignal
}

type NewSource = Adding & Record<'folder' | 'id' | 'name', string>

interface WaitingSource extends NewSource {
  resolve(directory: string): void
  reject(error: unknown): void
}

/**
 * Returns a function that adds a source of a sender and resolves with its directory. All sources that wait are added with
 * one change of the list, so other changes wait for one write at most, however many sources a sender names.
 */
function openSourceAdding(
  kept: Awaited<ReturnType<typeof openSendersFile>>,
  byFolder: (folder: string) => Sender | undefined,
) {
  const waiting: WaitingSource[] = []
  let isRunning = false

  const addAll = async (): Promise<void> => {
    const admitted = await admitAll(
      waiting.splice(0),
      (folder) => Object.keys(byFolder(folder)?.sources ?? {}).length,
    )
    if (admitted.length === 0) return
    try {
      await kept.change((current) => withSources(current, admitted))
    } catch (error) {
      for (const { reject } of admitted) reject(error)
      return
    }
    for (const { folder, id, resolve, reject } of admitted) {
      const directory = byFolder(folder)?.sources[id]
      if (directory === undefined) reject(new Error(`nobody has the folder ${folder}`))
      else resolve(directory)
    }
  }
  const run = async (): Promise<void> => {
    if (isRunning) return
    isRunning = true
    while (waiting.length > 0) {
      await addAll()
      await delay(SOURCES_EVERY_MS)
    }
    isRunning = false
  }

  return (source: NewSource) =>
    new Promise<string>((resolve, reject) => {
      waiting.push({ ...source, resolve, reject })
      void run()
    })
}

/** Returns the sources that their senders may have; rejects the others. @param count the sources of a folder's sender. */
async function admitAll(
  some: readonly WaitingSource[],
  count: (folder: string) => number,
): Promise<WaitingSource[]> {
  const admitted: WaitingSource[] = []
  /** The new ids of each folder. */
  const added = new Map<string, Set<string>>()
  for (const one of some) {
    const { folder, id, admit, signal, reject } = one
    const ids = added.get(folder) ?? new Set()
    const sources = count(folder) + ids.size + 1
    try {
      if (signal.aborted) throw new StorageError('aborted', '')
      if (!ids.has(id) && sources > MOST_SOURCES) throw new StorageError('full', `sources ${MOST_SOURCES}`)
      if (!ids.has(id)) await admit(sources)
      added.set(folder, ids.add(id))
      admitted.push(one)
    } catch (error) {
      reject(error)
    }
  }
  return admitted
}

/** Returns the list with further sources of senders. */
function withSources(current: readonly Sender[], added: readonly NewSource[]): Sender[] {
  const byFolder = new Map<string, NewSource[]>()
  for (const one of added) byFolder.set(one.folder, [...(byFolder.get(one.folder) ?? []), one])
  return current.map((sender) => {
    const own = byFolder.get(sender.folder)
    if (own === undefined) return sender
    const sources = ownKeys(sender.sources)
    const used = new Set(Object.values(sources).map(foldName))
    for (const { id, name } of own) {
      if (id in sources) continue
      const directory = chooseFree(name, used)
      used.add(foldName(directory))
      sources[id] = directory
    }
    return { ...sender, sources }
  })
}

/**
 * Returns the list with a new or updated sender.
 * @param others folders in the store: after the loss of the list, none of them goes to a new sender.
 */
function put(
  current: readonly Sender[],
  fingerprint: string,
  name: string,
  pairedAt: number | null,
  others: readonly string[],
): Sender[] {
  const known = current.find((sender) => sender.fingerprint === fingerprint)
  if (known === undefined) {
    const taken = [...RESERVED_FOLDERS, ...others, ...current.map((sender) => sender.folder)]
    const folder = freeFolder(name, taken)
    return [
      ...current,
      {
        fingerprint,
        name,
        folder,
        pairedAt,
        revokedAt: null,
        label: '',
        sources: ownKeys<string>({}),
        proposal: null,
      },
    ]
  }
  const rest = current.filter((sender) => sender !== known)
  return [...rest, { ...known, name, ...(pairedAt !== null && { pairedAt, revokedAt: null }) }]
}

const UNDECIDED = { state: 'waiting', decidedAt: null, sentence: null, words: null } as const

function withDecision(
  sender: Sender,
  { id, accepted, sentence, words }: ProposalDecision,
  decidedAt: number,
): Sender {
  const { proposal } = sender
  if (proposal?.id !== id || proposal.state !== 'waiting') return sender
  const state = accepted ? 'accepted' : 'declined'
  return { ...sender, proposal: { ...proposal, state, decidedAt, sentence, words } }
}

/**
 * Returns the list with a sender replaced: the new certificate takes over its folder, its sources and a proposal that
 * waits.
 */
function replace(
  current: readonly Sender[],
  fingerprint: string,
  name: string,
  at: number,
  folder: string,
): Sender[] {
  const {
    label = '',
    sources = ownKeys<string>({}),
    proposal,
  } = current.find((sender) => sender.folder === folder) ?? {}
  const waiting = proposal?.state === 'waiting' ? proposal : null
  const rest = current.filter((sender) => sender.folder !== folder && sender.fingerprint !== fingerprint)
  return [
    ...rest,
    { fingerprint, name, folder, pairedAt: at, revokedAt: null, label, sources, proposal: waiting },
  ]
}

const edit = (fingerprint: string, change: Partial<Sender>) => (current: readonly Sender[]) =>
  current.map((sender) => (sender.fingerprint === fingerprint ? { ...sender, ...change } : sender))

/** Returns an unused folder name, compared without case, that is not the receiver's own directory. */
export const freeFolder = (name: string, taken: readonly string[]): string =>
  chooseFree(name, new Set(taken.map(foldName)))

/** @param used folded names. */
function chooseFree(name: string, used: ReadonlySet<string>): string {
  const wanted = folderName(name.replace(IGNORABLE, ''))
  const begin = OWN_NAME.test(foldName(wanted)) ? `_${wanted}` : wanted
  const folded = foldName(begin)
  if (!used.has(folded)) return begin
  let count = 2
  while (used.has(`${folded}-${count}`)) count += 1
  return `${begin}-${count}`
}

const foldName = (name: string): string => name.normalize('NFC').replace(IGNORABLE, '').toLowerCase()

/** Returns all folders in a store, also those of unknown senders. @throws system errors */
export async function foldersIn({ root }: Pick<StoreLayout, 'root'>): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory() && entry.name !== OWN_DIRECTORY)
    .map(({ name }) => name)
}

/** @param notice is called if a broken list was renamed; null: the list is only read, and a broken one stays. */
async function openSendersFile(file: string, notice: ((sentence: Message) => void) | null) {
  let senders: Sender[] = []
  let stamp = ''
  /** The read or change in progress. */
  let last: Promise<void> = Promise.resolve()

  const stampNow = async () => {
    const { ino, mtimeNs, size } = await stat(file, { bigint: true })
    return `${ino} ${mtimeNs} ${size}`
  }

  /**
   * Reads the list. Keeps the last known list if the file is missing or broken: an editing error locks out no sender.
   */
  const read = async (): Promise<void> => {
    try {
      senders = (await readList(file)) ?? senders
    } catch (error) {
      if (!isBroken(error)) throw error
      if (notice === null) return
      const aside = `${file}.broken-${new Date().toISOString().replace(/[:.]/g, '-')}`
      await rename(file, aside)
      notice(message('transfer.sendersAside', { path: file, aside }))
    }
  }

  const changeNow = async (next: (current: readonly Sender[]) => Sender[]): Promise<void> => {
    if (JSON.stringify(next(senders)) === JSON.stringify(senders)) return
    const lock = await orUnchanged(lockList(file))
    using _ = defer(() => lock.release())
    await read()
    const changed = next(senders)
    if (JSON.stringify(changed) === JSON.stringify(senders)) return
    const text = `${JSON.stringify({ version: 1, senders: changed }, null, 2)}\n`
    await orUnchanged(replaceFile(file, text))
    senders = changed
  }

  const refreshNow = async (): Promise<boolean> => {
    const now = await stampNow().catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return ''
      throw error
    })
    if (now === stamp) return false
    const before = JSON.stringify(senders)
    await read()
    stamp = now
    return JSON.stringify(senders) !== before
  }

  /**
   * Runs reads and changes one after the other. A read that overlaps a change would bring back the list from before it.
   */
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work)
    last = settled(done)
    return done
  }

  /** @throws UserError transfer.sendersUnchanged */
  async function orUnchanged<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      const reason = errorCode(error)
      if (reason === null) throw error
      throw new UserError('transfer.sendersUnchanged', { path: file, reason }, { cause: error })
    }
  }

  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 }).catch(
    ignoreError('a directory that cannot be made fails the first change'),
  )
  await read()
  return {
    /** The list as the last read or change left it. */
    get senders() {
      return senders
    },
    /** Reloads the list if another process has changed the file. Returns true if the list is different. */
    refresh: () => inOrder(refreshNow),
    /** Changes the list, in order also between processes. Takes effect only after it is written and synced. */
    change: (next: (current: readonly Sender[]) => Sender[]) => inOrder(() => changeNow(next)),
  }
}

/** Returns the name of each sender by its folder; empty: there is no list. @throws as `readList` */
export async function readSenderNames(file: string): Promise<Map<string, string>> {
  return new Map((await readList(file))?.map(({ folder, name }) => [folder, name]))
}

/** Reads the list; null: no file. @throws ZodError or SyntaxError if it is invalid; system errors */
async function readList(file: string): Promise<Sender[] | null> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
  return fileSchema.parse(JSON.parse(text)).senders
}

const isBroken = (error: unknown) => error instanceof SyntaxError || error instanceof z.ZodError

/** Locks the list. The receiver's lock cannot be used: it is held for as long as the receiver runs. */
async function lockList(file: string): Promise<DirectoryLock> {
  const directory = `${file}.lock`
  await makeDirectories(directory, 0o700)
  const until = performance.now() + LOCK_WITHIN_MS
  for (;;) {
    const lock = lockDirectory(directory)
    if (lock !== null) return lock
    if (performance.now() > until) throw new UserError('transfer.sendersBusy', { path: file })
    await delay(LOCK_RETRY_MS)
  }
}

/**
 * Returns the sender for the beginning of a fingerprint, a folder, or a name. Senders choose their own names: if a name
 * equals another sender's folder or fingerprint, more digits of the fingerprint make it unique.
 * @param store the store's directory, for the error message.
 * @throws UserError if none or several match
 */
export function chooseSender(senders: readonly Sender[], who: string, store: string): Sender {
  const digits = who.toLowerCase().replaceAll(':', '')
  const isDigits = new RegExp(`^[0-9a-f]{${LEAST_DIGITS},64}$`).test(digits)
  const exact = senders.find(({ fingerprint }) => fingerprint === digits)
  if (exact !== undefined) return exact
  const found = senders.filter(
    ({ fingerprint, folder, name }) =>
      folder === who || name === who || (isDigits && fingerprint.startsWith(digits)),
  )
  const [one] = found
  if (one === undefined) throw new UserError('transfer.senderUnknown', { who, path: store })
  if (found.length > 1) {
    const fingerprints = found.map(({ fingerprint }) => fingerprint.slice(0, 16)).join(', ')
    throw new UserError('transfer.senderAmbiguous', { who, fingerprints })
  }
  return one
}

/** Yields pages of the files that a sender should offer again: a source's id, and a path. Skips unknown sources. */
export async function* listResendRequests(
  store: Pick<Store, 'wanted'>,
  senders: Pick<Senders, 'sourceIn'>,
  folder: string,
): AsyncGenerator<[source: string, path: string][]> {
  for (let after = 0; ; ) {
    const found = await store.wanted(folder, after)
    if (found.length === 0) return
    after += found.length
    yield found.flatMap(({ directory, path }): [string, string][] => {
      const id = senders.sourceIn(folder, directory)
      return id === null ? [] : [[id, path]]
    })
  }
}
