import { once } from 'node:events'
import type { Attributes, SFTPWrapper } from 'ssh2'
import ssh2 from 'ssh2'
import { hostKeyFingerprint } from '../../../core/settings/known-hosts.ts'

const STATUS = ssh2.utils.sftp.STATUS_CODE

/** An SFTP server without fsync@ or posix-rename@, that keeps files in memory and may lie about them. */
export interface LyingSftp {
  port: number
  key: string
  hostKey: string
  /** The fingerprints of all its host keys; the first one is `hostKey`. */
  hostKeys: string[]
  files: Map<string, Buffer>
  /** When files were changed, in seconds since 1970. */
  times: Map<string, number>
  /** It says that it has written everything, and leaves out what is behind this byte of a file. */
  cutAt: number
  /** How it handles a mode and a time that it is asked to set; those that it does not set are refused. */
  sets: 'both' | 'time' | 'nothing'
  /** Files whose paths have this in them cannot be read. */
  unreadable: string
  stop(): Promise<void>
}

function serve(sftp: SFTPWrapper, server: LyingSftp): void {
  const open = new Map<string, string>()
  const { times } = server
  let last = 0
  const getName = (handle: Buffer) => open.get(handle.toString()) ?? ''
  const ok = (id: number) => sftp.status(id, STATUS.OK)
  const getContent = (name: string) => server.files.get(name) ?? Buffer.alloc(0)
  const getAttributes = (name: string) => {
    const isFile = server.files.has(name)
    const size = getContent(name).length
    const mtime = times.get(name) ?? 0
    return { mode: isFile ? 0o100644 : 0o40755, uid: 0, gid: 0, size, atime: mtime, mtime }
  }
  const isDirectory = (name: string) =>
    name === '.' || [...server.files.keys()].some((one) => one.startsWith(`${name}/`))
  const stat = (id: number, name: string) => {
    if (server.files.has(name) || isDirectory(name)) sftp.attrs(id, getAttributes(name))
    else sftp.status(id, STATUS.NO_SUCH_FILE)
  }
  sftp.on('OPEN', (id, name, flags) => {
    if (!server.files.has(name) && (flags & ssh2.utils.sftp.OPEN_MODE.CREAT) === 0)
      return sftp.status(id, STATUS.NO_SUCH_FILE)
    if (!server.files.has(name)) server.files.set(name, Buffer.alloc(0))
    last += 1
    open.set(String(last), name)
    return sftp.handle(id, Buffer.from(String(last)))
  })
  sftp.on('WRITE', (id, handle, offset, data) => {
    const name = getName(handle)
    const kept = data.subarray(0, Math.max(0, server.cutAt - offset))
    const content = Buffer.alloc(
      Math.max(getContent(name).length, kept.length === 0 ? 0 : offset + kept.length),
    )
    getContent(name).copy(content)
    kept.copy(content, offset)
    server.files.set(name, content)
    times.set(name, Math.floor(Date.now() / 1_000))
    ok(id)
  })
  sftp.on('READ', (id, handle, offset, length) => {
    if (getName(handle).includes(server.unreadable)) return sftp.status(id, STATUS.FAILURE)
    const bytes = getContent(getName(handle)).subarray(offset, offset + length)
    if (bytes.length === 0) return sftp.status(id, STATUS.EOF)
    return sftp.data(id, bytes)
  })
  sftp.on('FSTAT', (id, handle) => stat(id, getName(handle)))
  sftp.on('STAT', stat)
  sftp.on('LSTAT', stat)
  const setFacts = (id: number, name: string, { size, mtime, mode }: Partial<Attributes>) => {
    if (size === 0) server.files.set(name, Buffer.alloc(0))
    if (typeof mtime === 'number' && server.sets !== 'nothing') times.set(name, mtime)
    if (mode === undefined || server.sets === 'both') ok(id)
    else sftp.status(id, STATUS.PERMISSION_DENIED)
  }
  sftp.on('FSETSTAT', (id, handle, attributes) => setFacts(id, getName(handle), attributes))
  sftp.on('SETSTAT', setFacts)
  sftp.on('MKDIR', ok)
  sftp.on('CLOSE', ok)
  sftp.on('REMOVE', (id, name) => {
    server.files.delete(name)
    ok(id)
  })
  sftp.on('RENAME', (id, from, to) => {
    if (server.files.has(to)) return sftp.status(id, STATUS.FAILURE)
    server.files.set(to, getContent(from))
    times.set(to, times.get(from) ?? 0)
    server.files.delete(from)
    return ok(id)
  })
}

/**
 * A client logs in with the password as the answer to a question; no other way is offered.
 * @param more further answers.
 * @param keyBits lengths of its host keys.
 */
export async function startLyingSftp(
  password: string,
  more: (sftp: SFTPWrapper) => void = () => undefined,
  keyBits: readonly (256 | 384)[] = [256],
): Promise<LyingSftp> {
  // ssh2 cannot read one of 256 Ed25519 keys that it makes: it strips a leading zero byte.
  const keys = keyBits.map((bits) => ssh2.utils.generateKeyPairSync('ecdsa', { bits }))
  const hostKeys = keys.map(({ public: shown }) =>
    hostKeyFingerprint(Buffer.from(shown.split(' ')[1] ?? '', 'base64')),
  )
  const lying: LyingSftp = {
    port: 0,
    key: keys[0]?.private ?? '',
    hostKey: hostKeys[0] ?? '',
    hostKeys,
    files: new Map(),
    times: new Map(),
    cutAt: Number.POSITIVE_INFINITY,
    unreadable: '//',
    sets: 'both',
    stop: async () => {
      server.close()
    },
  }
  const server = new ssh2.Server({ hostKeys: keys.map((one) => one.private) }, (client) => {
    // Its types lack this call.
    Object(client).setNoDelay(true)
    client.on('error', () => undefined)
    client.on('authentication', (context) => {
      if (context.method !== 'keyboard-interactive') return context.reject(['keyboard-interactive'])
      return context.prompt([{ prompt: 'Password: ', echo: false }], (answers) =>
        answers[0] === password ? context.accept() : context.reject(['keyboard-interactive']),
      )
    })
    client.on('session', (accept) => {
      accept().on('sftp', (acceptSftp) => {
        const sftp = acceptSftp()
        serve(sftp, lying)
        more(sftp)
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  lying.port = typeof address === 'object' && address !== null ? address.port : 0
  return lying
}
