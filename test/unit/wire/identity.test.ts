import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { adoptNextIdentity, loadIdentity, loadNextIdentity } from '../../../core/wire/identity.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

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

test('a next certificate is made only near the end of the present one; a broken one is made again', async () => {
  const directory = temporaryDirectory('identity')
  const now = Date.now()
  const fresh = await loadIdentity(path.join(directory, 'fresh'))
  expect(await loadNextIdentity(path.join(directory, 'fresh'), fresh, now)).toBeNull()
  const ending = path.join(directory, 'ending')
  const current = await loadIdentity(ending, new Date(now + 24 * 3600 * 1000))
  const next = await loadNextIdentity(ending, current, now)
  expect(await loadNextIdentity(ending, current, now)).toEqual(next)
  fs.writeFileSync(path.join(ending, 'identity-next.pem'), 'broken')
  const again = await loadNextIdentity(ending, current, now)
  expect([current.fingerprint, next?.fingerprint]).not.toContain(again?.fingerprint)
  // Set aside, never erased.
  const [aside = ''] = fs.readdirSync(ending).filter((name) => name.startsWith('identity-next.pem.broken-'))
  expect(fs.readFileSync(path.join(ending, aside), 'utf8')).toBe('broken')
  await adoptNextIdentity(ending)
  expect(await loadIdentity(ending)).toEqual(again)
  expect(fs.readdirSync(ending).sort()).toEqual([aside, 'identity.pem'])
})
