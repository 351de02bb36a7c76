import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('identity: concurrent first loads create one identity that only its owner can read', async () => {
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

test('identity: a broken identity file is reported and left unchanged, so that pairings survive', async () => {
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

test('identity: the certificate is valid from 1970 to 9999', async () => {
  const { certificate } = await loadIdentity(temporaryDirectory('identity'))
  const { validFrom, validTo } = new X509Certificate(certificate)
  expect([validFrom, validTo]).toEqual(['Jan  1 00:00:00 1970 GMT', 'Dec 31 23:59:59 9999 GMT'])
})
