import { createHash, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { createSecureContext } from 'node:tls'
import { syncDirectory } from '../files/fd.ts'
import { moveToFree } from '../files/move-to-free.ts'
import { errorCode, errorText } from '../files/system-error.ts'
import { Problem } from '../words/problem.ts'

/** A computer's certificate and key; others know it by the fingerprint alone. */
export interface Identity {
  certificate: string
  key: string
  /** SHA-256 of the certificate (DER), 64 lower-case hexadecimal digits. */
  fingerprint: string
  /** When the certificate ends, in milliseconds since 1970. */
  expiresAt: number
}

const FILE = 'identity.pem'
const YEAR_MS = 365.25 * 24 * 3600 * 1000
/** Longer than any computer is in use: another one means to be paired anew. */
const LIFETIME_MS = 50 * YEAR_MS
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export function fingerprintOf(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex')
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

async function makeIdentityText(notAfter: Date): Promise<string> {
  // Only loaded when a certificate is made; x509 insists on reflect-metadata being there before it.
  await import('reflect-metadata')
  const { X509CertificateGenerator } = await import('@peculiar/x509')
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: randomBytes(15).toString('hex'),
      name: 'CN=Holdfast',
      // Peers pin the certificate itself, so its beginning only has to survive clocks that are wrong.
      notBefore: new Date(Math.min(Date.now(), notAfter.getTime()) - 2 * YEAR_MS),
      notAfter,
      signingAlgorithm: ALGORITHM,
      keys: keys as CryptoKeyPair,
    },
    webcrypto as Crypto,
  )
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return pem('PRIVATE KEY', key) + pem('CERTIFICATE', certificate.rawData)
}

function parseIdentity(text: string): Identity {
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/.exec(text)?.[0]
  const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/.exec(text)?.[0]
  if (key === undefined || certificate === undefined) throw new Error('no key and certificate in it')
  createSecureContext({ key, cert: certificate })
  const { raw, validTo } = new X509Certificate(certificate)
  return { key, certificate, fingerprint: fingerprintOf(raw), expiresAt: Date.parse(validTo) }
}

/** @throws Problem identityBroken; identityUnreadable where reading failed, which says nothing of what is in the file. */
async function readIdentity(file: string): Promise<Identity | null> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    const code = errorCode(thrown)
    if (code === 'ENOENT') return null
    const params = { path: file, reason: code ?? String(thrown) }
    throw new Problem('transfer.identityUnreadable', params, { cause: thrown })
  }
  try {
    return parseIdentity(text)
  } catch (thrown) {
    const reason = errorText(thrown)
    throw new Problem('transfer.identityBroken', { path: file, reason }, { cause: thrown })
  }
}

/** Whole or not at all, and never over another process's. */
async function writeIdentity(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    await moveToFree(temporary, file)
  } finally {
    await rm(temporary, { force: true })
  }
  // Peers will know it by what is said from now on: a power failure must not take it back.
  await syncDirectory(path.dirname(file))
}

/**
 * The identity kept in `directory`, made at the first call: a self-signed certificate (ECDSA P-256) and its
 * key in one file that only its owner can read.
 * @param notAfter when a certificate that is made now ends.
 * @throws Problem when what is there cannot be used: a new identity would silently break every pairing.
 */
export async function loadIdentity(
  directory: string,
  notAfter: Date = new Date(Date.now() + LIFETIME_MS),
): Promise<Identity> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const file = path.join(directory, FILE)
  const kept = await readIdentity(file)
  if (kept !== null) return kept
  await writeIdentity(file, await makeIdentityText(notAfter))
  const made = await readIdentity(file)
  if (made === null) throw new Problem('transfer.identityBroken', { path: file, reason: 'ENOENT' })
  return made
}

/** Before pairing: a certificate that has ended is of no use to anybody, so another one takes its place. */
export async function loadValidIdentity(directory: string): Promise<Identity> {
  const identity = await loadIdentity(directory)
  if (identity.expiresAt > Date.now()) return identity
  const file = path.join(directory, FILE)
  await rename(file, `${file}.expired-${new Date().toISOString().replace(/[:.]/g, '-')}`)
  return loadIdentity(directory)
}
