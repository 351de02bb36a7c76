import { randomBytes, timingSafeEqual } from 'node:crypto'
import { mkdir, readdir, readFile, rm, unlink } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { hashOfSecret, newSecret } from '../wire/pairing-code.ts'
import { replaceFile } from '../wire/replace-file.ts'
import { errorCode } from '../words/problem.ts'

export const CODE_MINUTES = 15
/** So many wrong codes spoil every code that is open. */
export const CODE_ATTEMPTS = 5
/** More open codes than this are not looked at: nobody makes so many in a quarter of an hour. */
const MAX_CODES = 64

const codeSchema = z.object({
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
  attemptsLeft: z.number().int().positive().max(CODE_ATTEMPTS),
})
type Code = z.infer<typeof codeSchema>

/** Makes a one-time code for the receiver of this store, running or not; only its hash is kept. */
export async function makeCode(directory: string, now: number): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const secret = newSecret()
  const code: Code = {
    hash: hashOfSecret(secret),
    expiresAt: now + CODE_MINUTES * 60_000,
    attemptsLeft: CODE_ATTEMPTS,
  }
  await replaceFile(path.join(directory, `${randomBytes(8).toString('hex')}.json`), JSON.stringify(code))
  return secret
}

async function readCode(file: string): Promise<Code | null> {
  try {
    return codeSchema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return null
  }
}

async function openCodes(directory: string, now: number): Promise<{ file: string; code: Code }[]> {
  let names: string[]
  try {
    names = (await readdir(directory)).filter((name) => name.endsWith('.json'))
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return []
    throw thrown
  }
  const open: { file: string; code: Code }[] = []
  for (const name of names.slice(0, MAX_CODES)) {
    const file = path.join(directory, name)
    const code = await readCode(file)
    if (code !== null && code.expiresAt > now) open.push({ file, code })
    else await rm(file, { force: true })
  }
  return open
}

/**
 * Whether the secret is an open code's; it is used up by that. A wrong secret costs every open code one
 * attempt, as nobody knows which one was meant. Calls must not overlap.
 */
export async function redeemCode(directory: string, secret: string, now: number): Promise<boolean> {
  const given = Buffer.from(hashOfSecret(secret), 'hex')
  const codes = await openCodes(directory, now)
  const match = codes.filter(({ code }) => timingSafeEqual(Buffer.from(code.hash, 'hex'), given))[0]
  if (match !== undefined) {
    await unlink(match.file)
    return true
  }
  for (const { file, code } of codes) {
    if (code.attemptsLeft <= 1) await rm(file, { force: true })
    else await replaceFile(file, JSON.stringify({ ...code, attemptsLeft: code.attemptsLeft - 1 }))
  }
  return false
}
