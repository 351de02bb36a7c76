import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { loadIdentity, loadValidIdentity } from '../../../core/wire/identity.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const YEAR_MS = 365.25 * 24 * 3600 * 1000

test('an identity is made once, by whoever comes first, and only its owner can read it', async () => {
  const directory = path.join(temporaryDirectory('identity'), 'new', 'identity')
  const made = await Promise.all([loadIdentity(directory), loadIdentity(directory), loadIdentity(directory)])
  expect(new Set(made.map(({ fingerprint }) => fingerprint)).size).toBe(1)
  expect(await loadIdentity(directory)).toEqual(made[0])
  expect(fs.readdirSync(directory)).toEqual(['identity.pem'])
  expect(fs.statSync(path.join(directory, 'identity.pem')).mode & 0o777).toBe(0o600)
  const certificate = new X509Certificate(made[0]?.certificate ?? '')
  expect(certificate.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(made[0]?.fingerprint)
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
  expect(certificate.verify(certificate.publicKey)).toBe(true)
})

test('a broken identity is said and left alone: a new one would break every pairing', async () => {
  const directory = temporaryDirectory('identity')
  const file = path.join(directory, 'identity.pem')
  for (const text of ['', 'nonsense', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n']) {
    fs.writeFileSync(file, text)
    await expect(loadIdentity(directory)).rejects.toMatchObject({
      sentence: { key: 'transfer.identityBroken', params: { path: file } },
    })
    expect(fs.readFileSync(file, 'utf8')).toBe(text)
  }
})

test('a certificate lasts longer than the computer; before pairing, one that has ended makes room for another', async () => {
  const base = temporaryDirectory('identity')
  const fresh = await loadIdentity(path.join(base, 'fresh'))
  expect(fresh.expiresAt).toBeGreaterThan(Date.now() + 49 * YEAR_MS)
  expect(await loadValidIdentity(path.join(base, 'fresh'))).toEqual(fresh)

  const ended = path.join(base, 'ended')
  const old = await loadIdentity(ended, new Date(Date.now() - 1000))
  // Whoever is not about to pair keeps it: what it is paired with knows no other.
  expect(await loadIdentity(ended)).toEqual(old)
  const another = await loadValidIdentity(ended)
  expect(another.fingerprint).not.toBe(old.fingerprint)
  expect(another.expiresAt).toBeGreaterThan(Date.now())
  expect(await loadIdentity(ended)).toEqual(another)
  // Set aside, never erased.
  const [aside = ''] = fs.readdirSync(ended).filter((name) => name.startsWith('identity.pem.expired-'))
  expect(fs.readFileSync(path.join(ended, aside), 'utf8')).toContain(old.certificate)
})
