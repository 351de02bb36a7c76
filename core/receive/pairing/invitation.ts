import { readdir, readFile, rename, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { dropError, expectErrorCodes, ignoreError, warnUnlessCode } from '../../dropped-errors.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { isRunning } from '../../lib/workers/process.ts'
import { syncDirectory } from '../../platform/fd.ts'
import { makeDirectories, replaceFile } from '../../platform/files.ts'
import { errorCode } from '../../platform/system-error.ts'
import {
  CODE_MINUTES,
  MAX_CODE_MINUTES,
  MAX_CODE_USES,
  SHORT_CODE_MINUTES,
  SHORT_CODE_TRIES,
} from '../../protocol/limits.ts'
import { formatPairingCode, hashSecret, newSecret, parsePairingCode } from '../../protocol/pairing-code.ts'
import { createShortCode, formatAddressedCode } from '../../protocol/short-code.ts'
import { isThere, type StoreLayout, storeLayout } from '../../store/layout.ts'
import { orAbsent } from '../../store/outcome.ts'

/** How long a code is valid, and for how many computers. */
export interface CodeTerms {
  minutes: number
  uses: number
}

/** A code for one computer, which a person enters there. */
const usualTerms: CodeTerms = { minutes: CODE_MINUTES, uses: 1 }

const codeSchema = z.object({
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
  /** Folder of the sender that the new one replaces; null: the new sender gets its own folder. */
  replaces: z.string().min(1).max(255).nullable(),
  minutes: z.number().int().min(1).max(MAX_CODE_MINUTES).default(usualTerms.minutes),
  /** How many more computers it pairs. */
  uses: z.number().int().min(1).max(MAX_CODE_USES).default(usualTerms.uses),
})
type Code = z.infer<typeof codeSchema>

const CODE = '.json'
/** Extension of a code that is being redeemed, or was: it is valid no longer. */
const USED = '.used'

/** Returns the file of a code. It is named after the hash of the secret, so no other files have to be searched. */
export const codeFile = (directory: string, secret: string): string =>
  path.join(directory, hashSecret(secret) + CODE)

/** Name of the file of the short code, of the newest invitation for one computer. */
const SHORT = 'short'

const shortCodeSchema = z.object({
  code: z.string(),
  /** The file of the whole code of the same invitation. */
  file: z.string().regex(/^[0-9a-f]{64}\.json$/),
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
})
type ShortCode = z.infer<typeof shortCodeSchema>

/** Extension of the file with the number of connections that have tried a short code, beside that of the whole one. */
const TRIES = '.tries'

/** Creates the short code of an invitation, in place of the one of an earlier invitation. */
async function makeShortCode(
  directory: string,
  secret: string,
  now: number,
  minutes: number,
): Promise<string> {
  const short: ShortCode = {
    code: createShortCode(),
    file: path.basename(codeFile(directory, secret)),
    expiresAt: now + Math.min(minutes, SHORT_CODE_MINUTES) * 60_000,
  }
  await replaceFile(path.join(directory, SHORT), JSON.stringify(short))
  return short.code
}

async function readShortCode(directory: string): Promise<ShortCode | null> {
  const noFile = expectErrorCodes(['ENOENT'], null)
  const text = await readFile(path.join(directory, SHORT), 'utf8').catch(noFile)
  try {
    return text === null ? null : shortCodeSchema.parse(JSON.parse(text))
  } catch (error) {
    return dropError(error, 'the file is no short code', null)
  }
}

/**
 * Takes one of the tries of the short code, and returns the code with the file of the invitation; null: there is none, or
 * it has expired, was used or tried too often. Calls must not overlap.
 * @throws the system error if the code cannot be read, or the try cannot be written.
 */
export async function takeShortCode(
  directory: string,
  now: number,
): Promise<{ code: string; file: string } | null> {
  const short = await readShortCode(directory)
  if (short === null || !isOpen({ ...short, minutes: SHORT_CODE_MINUTES }, now)) return null
  const file = path.join(directory, short.file)
  if (!(await isThere(file))) return null
  // Not in the file of the code, which a new invitation may replace at the same time.
  const tries = path.join(directory, path.basename(short.file, CODE) + TRIES)
  const taken = Number(await readFile(tries, 'utf8').catch(expectErrorCodes(['ENOENT'], '0')))
  if (!(taken < SHORT_CODE_TRIES)) return null
  await replaceFile(tries, String(taken + 1))
  return { code: short.code, file }
}

/** Reads a code; null: the file is not a valid code. @throws the system error. */
async function readCode(file: string): Promise<Code | null> {
  const text = await readFile(file, 'utf8')
  try {
    return codeSchema.parse(JSON.parse(text))
  } catch (error) {
    return dropError(error, 'the file is no pairing code', null)
  }
}

/** True if a code has not expired. Setting the clock back does not extend its lifetime. */
function isOpen({ expiresAt, minutes }: Pick<Code, 'expiresAt' | 'minutes'>, now: number): boolean {
  return now < expiresAt && expiresAt - now <= minutes * 60_000
}

/** Removes a code if it has expired. A code that cannot be read now is kept, because it may be valid. */
async function removeExpired(file: string, now: number): Promise<void> {
  const code = await readCode(file)
  if (code === null || !isOpen(code, now)) await rm(file, { force: true })
}

/**
 * Creates a code for the receiver of this store, running or not. Only the code's hash is stored.
 * @param replaces folder of the sender that the new one replaces; null: none.
 */
export async function makeCode(
  directory: string,
  now: number,
  replaces: string | null = null,
  { minutes, uses }: CodeTerms = usualTerms,
): Promise<string> {
  await makeDirectories(directory, 0o700)
  // A code that is just being written has another extension.
  const names = await readdir(directory)
  const codes = names.filter((name) => [CODE, USED].includes(path.extname(name)))
  for (const name of codes)
    await removeExpired(path.join(directory, name), now).catch(
      ignoreError('an expired pairing code is removed another time'),
    )
  for (const name of names.filter((one) => path.extname(one) === TRIES)) {
    const ofCode = path.basename(name, TRIES) + CODE
    if (!codes.includes(ofCode))
      await rm(path.join(directory, name), { force: true }).catch(
        ignoreError('the tries of a former code are removed another time'),
      )
  }
  const secret = newSecret()
  const code: Code = { expiresAt: now + minutes * 60_000, replaces, minutes, uses }
  await replaceFile(codeFile(directory, secret), JSON.stringify(code))
  return secret
}

/**
 * Marks an open code as used, calls `use` with its `replaces`, and makes the code valid again if it has more uses; null:
 * no open code has this file (codeFile). Wrong secrets are not counted: 100 random bits cannot be guessed within a day.
 * Calls must not overlap.
 *
 * @throws the error of `use`, which makes the code valid again; the system error if the code cannot be read or marked.
 */
export async function redeemCode<T>(
  file: string,
  now: number,
  use: (replaces: string | null) => Promise<T>,
): Promise<T | null> {
  const used = file + USED
  const code = await readCode(file).catch(expectErrorCodes(['ENOENT'], null))
  if (code === null || !isOpen(code, now)) return null
  // Before the pairing: a code whose file cannot be removed afterwards must not pair a second computer.
  const isMarked = await rename(file, used).then(() => true, expectErrorCodes(['ENOENT'], false))
  if (!isMarked) return null
  let result: T
  try {
    await syncDirectory(path.dirname(file))
    result = await use(code.replaces)
  } catch (error) {
    await rename(used, file).catch(ignoreError('the error of the pairing is thrown; the code stays used'))
    throw error
  }
  if (code.uses > 1)
    await replaceFile(file, JSON.stringify({ ...code, uses: code.uses - 1 })).catch((error) =>
      warnUnlessCode(error, [], 'a pairing code for several computers cannot be used again'),
    )
  await rm(used, { force: true }).catch(ignoreError('the file of a used code goes with a later invitation'))
  return result
}

/**
 * Returns how many more computers a code pairs, and until when (milliseconds since 1970); null: it is used up, or has
 * expired.
 * @throws UserError transfer.pairCodeMalformed
 */
export async function readInvitation(
  storeDirectory: string,
  text: string,
  now: number,
): Promise<{ uses: number; expiresAt: number } | null> {
  const file = codeFile(storeLayout(storeDirectory).codes, parsePairingCode(text).code)
  const noFile = expectErrorCodes(['ENOENT'], null)
  const open = await readCode(file).catch(noFile)
  // While a computer is paired by it, the file has the other name.
  const code = open ?? (await readCode(file + USED).catch(noFile))
  if (code === null || !isOpen(code, now)) return null
  const uses = open === null ? code.uses - 1 : code.uses
  return uses === 0 ? null : { uses, expiresAt: code.expiresAt }
}

/** Record that a receiver leaves in its store, for commands that run beside it. */
const aboutSchema = z.object({
  host: z.string(),
  port: z.number().int().min(1).max(65_535),
  name: z.string(),
  fingerprint: z.string(),
  pid: z.number().int().positive(),
})
type AboutReceiver = z.infer<typeof aboutSchema>

/**
 * Returns an address that other computers can reach. For a receiver that listens on all addresses this is the
 * computer's first network address, or its host name.
 */
export function reachableHost(
  listening: string,
  interfaces: ReturnType<typeof os.networkInterfaces> = os.networkInterfaces(),
  hostname: string = os.hostname(),
): string {
  if (listening !== '0.0.0.0' && listening !== '::' && listening !== '') return listening
  const addresses = Object.values(interfaces).flatMap((list) => list ?? [])
  const first = addresses.find(({ internal, family }) => !internal && family === 'IPv4')
  return first?.address ?? hostname
}

export async function writeAbout({ receiver }: StoreLayout, about: AboutReceiver): Promise<void> {
  await replaceFile(receiver, `${JSON.stringify(about, null, 2)}\n`)
}

/** null: no receiver has used the store yet, or the record is broken; the next receiver rewrites it. */
async function readAbout({ root, receiver }: StoreLayout): Promise<AboutReceiver | null> {
  const text = await orAbsent(root, readFile(receiver, 'utf8'))
  if (text === null) return null
  try {
    return aboutSchema.parse(JSON.parse(text))
  } catch (error) {
    return warnUnlessCode(error, [], 'the description of the receiver is damaged and written again', null)
  }
}

/**
 * Returns true if the receiver of this store is running; null: none has used the store yet.
 * @throws UserError store.failed
 */
export async function isReceiverRunning(layout: StoreLayout): Promise<boolean | null> {
  const about = await readAbout(layout)
  return about === null ? null : isRunning(about.pid)
}

export interface Invitation {
  /** The text to enter at the sender. */
  code: string
  /** An address and a short code, for people who type; null for several computers. */
  short: string | null
  /** True if the receiver that has to accept it is running. */
  running: boolean
  terms: CodeTerms
  /** Milliseconds since 1970. */
  expiresAt: number
}

/**
 * Creates a pairing code for the receiver of this store.
 * @param replaces folder of the sender that the new one replaces.
 * @throws UserError if no receiver has used the store yet, or the store cannot be read.
 */
export async function invite(
  storeDirectory: string,
  now: number,
  replaces: string | null = null,
  terms: CodeTerms = usualTerms,
): Promise<Invitation> {
  const layout = storeLayout(storeDirectory)
  const about = await readAbout(layout)
  if (about === null) throw new UserError('transfer.receiverNotRunning', { path: layout.root })
  const { port, name, fingerprint } = about
  const makeBoth = async () => {
    const code = await makeCode(layout.codes, now, replaces, terms)
    const isForOne = terms.uses === 1
    return [code, isForOne ? await makeShortCode(layout.codes, code, now, terms.minutes) : null] as const
  }
  const [code, shortCode] = await makeBoth().catch((thrown: unknown) => {
    const reason = errorCode(thrown) ?? String(thrown)
    throw new UserError('transfer.codeNotMade', { path: layout.root, reason }, { cause: thrown })
  })
  const host = reachableHost(about.host)
  return {
    code: formatPairingCode({ host, port, code, fingerprint, name }),
    short: shortCode === null ? null : formatAddressedCode({ host, port, shortCode }),
    running: isRunning(about.pid),
    terms,
    expiresAt: now + terms.minutes * 60_000,
  }
}
