import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { formatAddress } from '../lib/i18n/formats.ts'
import { UserError } from '../lib/i18n/user-error.ts'

const codeSchema = z.object({
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65_535),
  code: z.string().min(1).max(200),
  /** SHA-256 of the receiver's certificate, lower-case hexadecimal. */
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string().min(1).max(200),
})
/** The content of a pairing code: the receiver's address, the fingerprint of its certificate, and the secret. */
export type PairingCode = z.infer<typeof codeSchema>

/** Crockford's base 32: has no letters that can be mistaken for digits. */
export const CODE_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** Returns a secret of 100 random bits. */
export function newSecret(): string {
  return Array.from(randomBytes(20), (byte) => CODE_ALPHABET[byte % 32]).join('')
}

/** Returns the hash of a secret, which is stored instead of it. 100 random bits cannot be guessed from their hash. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

export function formatPairingCode({ host, port, code, fingerprint, name }: PairingCode): string {
  const query = new URLSearchParams({ code, fingerprint, name })
  return `holdfast://${formatAddress(host, port)}?${query.toString()}`
}

/** @throws UserError if the text is not a pairing code */
export function parsePairingCode(text: string): PairingCode {
  const trimmed = text.trim()
  const url = URL.canParse(trimmed) ? new URL(trimmed) : null
  const query = url?.searchParams
  const fields = codeSchema.safeParse({
    host: url?.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url?.port),
    code: query?.get('code')?.toLowerCase(),
    fingerprint: query?.get('fingerprint')?.toLowerCase(),
    name: query?.get('name'),
  })
  if (url?.protocol !== 'holdfast:' || !fields.success) throw new UserError('transfer.pairCodeMalformed')
  return fields.data
}
