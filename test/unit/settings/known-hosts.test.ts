import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readKnownHost } from '../../../core/settings/known-hosts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const directory = mkdtempSync(path.join(tmpdir(), 'hf-keys-'))
afterAll(() => rmSync(directory, { recursive: true }))
let count = 0

/** A host key that OpenSSH has made, as known_hosts has it, and as ssh-keygen -l shows it. */
function makeKey(type: 'rsa' | 'ecdsa' | 'ed25519') {
  count += 1
  const file = path.join(directory, `key-${count}`)
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', file])
  const [, fingerprint = ''] = String(execFileSync('ssh-keygen', ['-l', '-f', `${file}.pub`])).split(' ')
  return { line: readFileSync(`${file}.pub`, 'utf8').trim(), fingerprint }
}

const [rsa, ecdsa, ed25519, other] = [
  makeKey('rsa'),
  makeKey('ecdsa'),
  makeKey('ed25519'),
  makeKey('ed25519'),
]
const read = (text: string, host = 'nas.example.org', port = 22) => readKnownHost(text, { host, port })
const none = { keys: [], revoked: [], hasAuthority: false }

test('known_hosts: all keys of a server are read, the preferred types first', () => {
  const text = [
    '# a comment',
    `nas.example.org,10.0.0.7 ${rsa.line} me@here`,
    `NAS.example.org ${ecdsa.line}`,
    `nas.example.org ${ed25519.line}`,
    `else.example.org ${other.line}`,
    'nas.example.org garbage',
    '',
  ].join('\n')
  const keys = [ed25519, ecdsa, rsa].map(({ fingerprint }) => fingerprint)
  expect(read(text)).toEqual({ ...none, keys })
  expect(read(text, '10.0.0.7').keys).toEqual([rsa.fingerprint])
  expect(read(text, 'nas')).toEqual(none)
})

test('known_hosts: the keys of a port other than 22 are read from lines with that port', () => {
  const text = `nas.example.org ${rsa.line}\n[nas.example.org]:2222,[2001:db8::1]:2222 ${ed25519.line}\n`
  expect(read(text).keys).toEqual([rsa.fingerprint])
  expect(read(text, 'nas.example.org', 2222).keys).toEqual([ed25519.fingerprint])
  expect(read(text, '2001:db8::1', 2222).keys).toEqual([ed25519.fingerprint])
  expect(read(text, 'nas.example.org', 22_222)).toEqual(none)
})

test('known_hosts: names hashed by `ssh-keygen -H` are found', () => {
  const file = path.join(temporaryDirectory('known'), 'known_hosts')
  writeFileSync(file, `nas.example.org ${rsa.line}\n[nas.example.org]:2222 ${ed25519.line}\n`)
  execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' })
  const text = readFileSync(file, 'utf8')
  expect(text).not.toContain('example')
  expect(read(text).keys).toEqual([rsa.fingerprint])
  expect(read(text, 'nas.example.org', 2222).keys).toEqual([ed25519.fingerprint])
  expect(read(text, 'else.example.org')).toEqual(none)
})

test('known_hosts: names match by wildcards and exceptions', () => {
  const text = `*.example.org,!old.example.org,ho?t ${rsa.line}\n`
  expect(read(text).keys).toEqual([rsa.fingerprint])
  expect(read(text, 'old.example.org')).toEqual(none)
  expect(read(text, 'host').keys).toEqual([rsa.fingerprint])
  expect(read(text, 'hoot.example.com')).toEqual(none)
})

test('known_hosts: a revoked key is not trusted, and a certificate authority is detected', () => {
  const text = [
    `nas.example.org ${rsa.line}`,
    `nas.example.org ${ed25519.line}`,
    `@revoked * ${ed25519.line}`,
    `@cert-authority *.example.org ${other.line}`,
  ].join('\n')
  expect(read(text)).toEqual({ keys: [rsa.fingerprint], revoked: [ed25519.fingerprint], hasAuthority: true })
})
