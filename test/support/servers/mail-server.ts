import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { ChannelInput, ChannelOutcome } from '../../../core/alerts/channels/channel.ts'
import { computeFingerprint } from '../../../core/protocol/identity.ts'
import { localCertificate } from './certificate.ts'

/** Debian's own, which has Debian's packages; another one may come before it on the path. */
const PYTHON = '/usr/bin/python3'

export const hasMailServer = spawnSync(PYTHON, ['-c', 'import aiosmtpd']).status === 0

const program = path.join(import.meta.dirname, 'mail-server.py')
const sendTrusting = path.join(import.meta.dirname, 'send-trusting.ts')
const node = path.resolve(import.meta.dirname, '../../../node_modules/.bin/node')

export interface Mail {
  /** With what stood on the envelope: X-RcptTo. */
  headers: Record<string, string>
  subject: string
  body: string
  /** Name, type and content of each. */
  attachments: [string, string, string][]
}

export interface MailServer {
  ports: { none: number; starttls: number; tls: number }
  /** SHA-256 of its certificate. */
  fingerprint: string
  /** What is in its mailbox, in no order. */
  mails(): Mail[]
  /** Sends a letter by mail from a process that trusts the server's certificate. */
  sendTrusting(
    told: object,
    options: ChannelInput['options'],
    secrets: ChannelInput['secrets'],
  ): ChannelOutcome
  stop(): void
}

/** The mailbox as Python's own library reads it: no decoder of ours has a say in it. */
const READ = `
import email.policy, json, mailbox, sys
box = mailbox.Maildir(sys.argv[1], factory=lambda f: email.message_from_binary_file(f, policy=email.policy.default))
print(json.dumps([{
  "headers": dict(m.items()), "subject": m["subject"], "body": m.get_body(("plain",)).get_content(),
  "attachments": [[a.get_filename(), a.get_content_type(), a.get_content()] for a in m.iter_attachments()],
} for m in box]))
`

export async function startMailServer(directory: string): Promise<MailServer> {
  const [cert, key, mailbox] = ['cert.pem', 'key.pem', 'mail'].map((name) => path.join(directory, name))
  if (cert === undefined || key === undefined || mailbox === undefined) throw new Error('unreachable')
  const certificate = await localCertificate()
  mkdirSync(directory, { recursive: true })
  writeFileSync(cert, certificate.cert)
  writeFileSync(key, certificate.key)
  // What it says of connections that are broken off is what the tests do.
  const server = spawn(PYTHON, [program, mailbox, cert, key], { stdio: ['pipe', 'pipe', 'ignore'] })
  return {
    ports: JSON.parse(await firstLine(server)),
    fingerprint: computeFingerprint(new X509Certificate(certificate.cert).raw),
    mails: () => JSON.parse(execFileSync(PYTHON, ['-c', READ, mailbox], { encoding: 'utf8' })),
    sendTrusting(told, options, secrets) {
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: cert }
      const input = JSON.stringify({ told, options, secrets })
      return JSON.parse(execFileSync(node, [sendTrusting], { env, input, encoding: 'utf8' }))
    },
    stop: () => server.kill(),
  }
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('it has no output')
  const [line] = await once(createInterface(stdout), 'line')
  return line
}
