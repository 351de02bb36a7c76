import { mkdir, readFile, rename, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { ignoreError, settled } from '../../dropped-errors.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { type DirectoryLock, lockDirectory } from '../../lib/workers/directory-lock.ts'
import { makeDirectories } from '../../platform/make-directories.ts'
import { replaceFile } from '../../platform/replace-file.ts'
import { errorCode } from '../../platform/system-error.ts'

const fingerprintSchema = z.string().regex(/^[0-9a-f]{64}$/)

const senderSchema = z.object({
  fingerprint: fingerprintSchema,
  name: z.string().min(1).max(200),
  /** Its folder in the store; never changes, so that a sender that pairs again finds its files. */
  folder: z.string().min(1).max(255),
  /** Milliseconds since 1970; null: not paired, a computer that uses the store as a local folder. */
  pairedAt: z.number().nullable(),
  /** Milliseconds since 1970; null: not revoked. Pairing again clears it. */
  revokedAt: z.number().nullable().default(null),
  /** The directory of each of its sources in its folder, by the source's id; never changes. */
  sources: z.record(z.string(), z.string().min(1).max(255)).default({}),
})
export type Sender = z.infer<typeof senderSchema>

const fileSchema = z.object({ version: z.literal(1), senders: z.array(senderSchema).max(100_000) })

/** Limits for waiting for the list's lock: the receiver and a command may change the list at the same time. */
const LOCK_WITHIN_MS = 10_000
const LOCK_RETRY_MS = 20

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

/** @param notice is called if a broken list was renamed; null: the list is only read, and a broken one stays. */
export async function openSendersFile(file: string, notice: ((sentence: Message) => void) | null) {
  let senders: Sender[] = []
  let stamp = ''
  let writing: Promise<void> = Promise.resolve()

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
    try {
      await read()
      const changed = next(senders)
      if (JSON.stringify(changed) === JSON.stringify(senders)) return
      const text = `${JSON.stringify({ version: 1, senders: changed }, null, 2)}\n`
      await orUnchanged(replaceFile(file, text))
      senders = changed
    } finally {
      lock.release()
    }
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
    async refresh() {
      const now = await stampNow().catch((error: unknown) => {
        if (errorCode(error) === 'ENOENT') return ''
        throw error
      })
      if (now === stamp) return false
      const before = JSON.stringify(senders)
      await read()
      stamp = now
      return JSON.stringify(senders) !== before
    },
    /** Changes the list, in order also between processes. Takes effect only after it is written and synced. */
    change(next: (current: readonly Sender[]) => Sender[]) {
      const changed = writing.then(() => changeNow(next))
      writing = settled(changed)
      return changed
    },
  }
}
