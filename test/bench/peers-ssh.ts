import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { SftpServer } from '../support/servers/sftp.ts'

const execute = promisify(execFile)

/** Programs that copy over SSH, with their best options. Only the first two make their copies durable. */
export function copyBySsh({ port, user, keyFile }: Pick<SftpServer, 'port' | 'user' | 'keyFile'>) {
  const options = ['-p', String(port), '-i', keyFile, '-o', 'StrictHostKeyChecking=no']
  const ssh = ['ssh', ...options, '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR']
  const there = `${user}@127.0.0.1`
  const timed = async (into: string, run: (copy: string) => Promise<unknown>) => {
    const copy = path.join(into, 'copy')
    mkdirSync(copy)
    const startedAt = performance.now()
    await run(copy)
    return (performance.now() - startedAt) / 1000
  }
  const remote = { TYPE: 'sftp', HOST: '127.0.0.1', PORT: String(port), USER: user, KEY_FILE: keyFile }
  const settings = Object.entries(remote).map(([name, value]) => [`RCLONE_CONFIG_THERE_${name}`, value])
  // With AWS's own variable for certificates this rclone does not start.
  const { AWS_CA_BUNDLE: _, ...inherited } = process.env
  const env = { ...inherited, ...Object.fromEntries(settings), RCLONE_CONFIG: '/dev/null' }
  const streams = ['--transfers=32', '--sftp-concurrency=64', '--sftp-chunk-size=255k']
  // Otherwise it runs a command at the server for each file.
  const flags = [...streams, '--sftp-disable-hashcheck']
  return [
    {
      name: 'rsync --fsync over ssh',
      copy: (source: string, into: string) =>
        timed(into, (copy) =>
          execute('rsync', ['-a', '--fsync', '-e', ssh.join(' '), `${source}/`, `${there}:${copy}/`]),
        ),
    },
    {
      name: 'tar over ssh, then sync -f',
      copy: (source: string, into: string) =>
        timed(into, (copy) => {
          const unpack = `tar -xf - -C ${copy} && sync -f ${copy}`
          const script = 'source=$1; shift; tar -cf - -C "$source" . | "$@"'
          return execute('sh', ['-c', script, 'sh', source, ...ssh, there, unpack])
        }),
    },
    {
      name: 'rclone, SFTP, not durable',
      copy: (source: string, into: string) =>
        timed(into, (copy) => execute('rclone', ['copy', source, `there:${copy}`, ...flags], { env })),
    },
  ]
}
