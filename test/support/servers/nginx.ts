import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '../until.ts'
import type { ApacheServer } from './apache.ts'
import { localCertificate } from './certificate.ts'
import { freePort, isOpen } from './sftp.ts'

const page = path.resolve(import.meta.dirname, '../../../docs/web.md')

/** Starts a real nginx with the configuration in docs/web.md, which signs in its user; `socket` is that of the page. */
export async function startNginx(
  socket: string,
): Promise<Omit<ApacheServer, 'url' | 'certificate' | 'root' | 'dropAll'>> {
  const directory = mkdtempSync(path.join(tmpdir(), 'hf-nginx-'))
  // nginx serves as another user if it is started by root.
  chmodSync(directory, 0o755)
  const [user, password] = ['ada', 'an app password']
  const [port, tls] = await Promise.all([freePort(), localCertificate()])
  writeFileSync(path.join(directory, 'cert.pem'), tls.cert)
  writeFileSync(path.join(directory, 'key.pem'), tls.key)
  const digest = createHash('sha1').update(password).digest('base64')
  writeFileSync(path.join(directory, 'users'), `${user}:{SHA}${digest}\n`)
  const [, documented = ''] = /```nginx\n(.*?)```/s.exec(readFileSync(page, 'utf8')) ?? []
  const site = documented
    .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
    .replace('/etc/ssl/station.pem', `${directory}/cert.pem`)
    .replace('/etc/ssl/station.key', `${directory}/key.pem`)
    .replace('/etc/nginx/users', `${directory}/users`)
    .replace('/run/holdfast/web.sock', socket)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${directory}/${name};`)
    .join('\n')
  const config = path.join(directory, 'nginx.conf')
  writeFileSync(
    config,
    `user www-data; daemon off; pid ${directory}/pid; error_log stderr; events {}\nhttp { access_log off; ${temporary}\n${site} }\n`,
  )
  const server = spawn('/usr/sbin/nginx', ['-c', config, '-p', directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  server.stderr.on('data', (text) => {
    said = `${said}${text}`.slice(-10_000)
  })
  const ended = once(server, 'exit')
  await until('nginx listens', async () => {
    if (server.exitCode !== null) throw new Error(said)
    return isOpen(port)
  })
  return {
    ...{ port, user, password },
    async stop() {
      server.kill()
      await ended
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
