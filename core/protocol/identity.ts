import { createHash, KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createSecureContext } from 'node:tls'
import { UserError } from '../lib/i18n/user-error.ts'
import { syncDirectory } from '../platform/fd.ts'
import { makeDirectories, moveToFree } from '../platform/files.ts'
import { keepOthersOut } from '../platform/owner-only.ts'
import { errorCode, errorText } from '../platform/system-error.ts'

/** A computer's certificate and key; peers identify it by the fingerprint alone. */
export interface Identity {
  certificate: string
  key: string
  /** SHA-256 of the certificate (DER), 64 lower-case hexadecimal digits. */
  fingerprint: string
}

const FILE = 'identity.pem'
export const identityFile = (directory: string): string => path.join(directory, FILE)
/**
 * Peers pin the certificate itself and ignore its dates, as a clock may be wrong. The end date is that of RFC 5280 for
 * a certificate without expiration.
 */
const VALID = { notBefore: new Date(0), notAfter: new Date('9999-12-31T23:59:59Z') }
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/**
 * Loads the identity in `directory`; the first call creates it. It is a self-signed certificate (ECDSA P-256) and its
 * key, in a single file that only its owner can read.
 * @throws UserError if an existing identity cannot be used: a new one would silently break every pairing
 */
export async function loadIdentity(directory: string): Promise<Identity> {
  await makeDirectories(directory, 0o700)
  const file = identityFile(directory)
  const kept = await readIdentity(file)
  if (kept !== null) return kept
  keepOthersOut(directory)
  await writeIdentity(file, await makeIdentityText())
  const made = await readIdentity(file)
  if (made === null) throw new UserError('transfer.identityBroken', { path: file, reason: 'ENOENT' })
  return made
}

/** @throws UserError identityBroken; identityUnreadable if reading failed, so that the content is unknown */
async function readIdentity(file: string): Promise<Identity | null> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT') return null
    const params = { path: file, reason: code ?? String(error) }
    throw new UserError('transfer.identityUnreadable', params, { cause: error })
  }
  try {
    return parseIdentity(text)
  } catch (error) {
    const reason = errorText(error)
    throw new UserError('transfer.identityBroken', { path: file, reason }, { cause: error })
  }
}

function parseIdentity(text: string): Identity {
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/.exec(text)?.[0]
  const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/.exec(text)?.[0]
  if (key === undefined || certificate === undefined) throw new Error('no key and certificate in it')
  createSecureContext({ key, cert: certificate })
  return { key, certificate, fingerprint: computeFingerprint(new X509Certificate(certificate).raw) }
}

async function makeIdentityText(): Promise<string> {
  // Loaded only to create a certificate. x509 requires that reflect-metadata is loaded first.
  await import('reflect-metadata')
  const { X509CertificateGenerator } = await import('@peculiar/x509')
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: randomBytes(15).toString('hex'),
      name: 'CN=Holdfast',
      ...VALID,
      signingAlgorithm: ALGORITHM,
      keys: keys as CryptoKeyPair,
    },
    webcrypto as Crypto,
  )
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' })
  return `${key}${certificate.toString('pem')}\n`
}

/** Writes the file atomically. Never replaces a file that another process has written. */
async function writeIdentity(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(temporary, text, { flag: 'wx', mode: 0o600, flush: true })
    await moveToFree(temporary, file)
  } finally {
    await rm(temporary, { force: true })
  }
  // Peers pin this identity from now on: it must survive a power failure.
  await syncDirectory(path.dirname(file))
}

export function computeFingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex')
}
