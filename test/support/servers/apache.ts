import { spawn } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '../until.ts'
import { localCertificate } from './certificate.ts'
import { freePort, isOpen, killChildren } from './sftp.ts'

/** A real Apache with TLS and one user, on the loopback. */
export interface ApacheServer {
  port: number
  url: string
  user: string
  password: string
  /** Fingerprint of its certificate, which no authority has signed. */
  certificate: string
  /** Its files: the directory of `url`. */
  root: string
  /** Kills its processes that answer requests; it starts others. */
  dropAll(): void
  stop(): Promise<void>
}

const MODULES = ['mpm_event', 'authn_core', 'authn_file', 'authz_core', 'authz_user', 'auth_basic']
  .concat(['socache_shmcb', 'ssl', 'alias', 'dir', 'dav', 'dav_fs', 'headers', 'proxy', 'proxy_http'])
  .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
  .join('\n')

const buildConfig = (directory: string, port: number, site: string, hasTls: boolean): string => `
ServerRoot ${directory}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${directory}/pid
ErrorLog ${directory}/error.log
${MODULES}
User www-data
Group www-data
Mutex file:${directory}/run
DavLockDB ${directory}/run/lock
SSLEngine ${hasTls ? 'on' : 'off'}
SSLCertificateFile ${directory}/cert.pem
SSLCertificateKeyFile ${directory}/key.pem
${site}
`

const buildDavSite = (directory: string): string => `
Alias /dav ${directory}/data
<Directory ${directory}/data>
  Dav On
  ${needUser(directory)}
</Directory>
`

const needUser = (directory: string): string => `
  AuthType Basic
  AuthName files
  AuthUserFile ${directory}/users
  Require valid-user
`

/** Starts one with a directory of files; it ends with `stop`. */
export const startApache = ({ hasTls = true } = {}): Promise<ApacheServer> => start(buildDavSite, hasTls)

/**
 * Starts one that signs in its user (Basic authentication), and passes all requests on.
 * @param target as `ProxyPass` has it, for example "http://127.0.0.1:8420/".
 * @param userHeader header of the user in the requests.
 */
export const startApacheProxy = (target: string, userHeader: string): Promise<ApacheServer> =>
  start(
    (directory) => `
ProxyPass / "${target}" flushpackets=on
RequestHeader set X-Forwarded-Proto https
RequestHeader set ${userHeader} expr=%{REMOTE_USER}
<Location />
  ${needUser(directory)}
</Location>
`,
  )

async function start(buildSite: (directory: string) => string, hasTls = true): Promise<ApacheServer> {
  const directory = mkdtempSync(path.join(tmpdir(), 'hf-dav-'))
  const root = path.join(directory, 'data')
  const [user, password] = ['ada', 'an app password']
  const [port, tls] = await Promise.all([freePort(), localCertificate()])
  for (const one of [root, path.join(directory, 'run')]) {
    mkdirSync(one)
    // Apache serves as another user if it is started by root.
    chmodSync(one, 0o777)
  }
  chmodSync(directory, 0o755)
  writeFileSync(path.join(directory, 'cert.pem'), tls.cert)
  writeFileSync(path.join(directory, 'key.pem'), tls.key)
  const digest = createHash('sha1').update(password).digest('base64')
  writeFileSync(path.join(directory, 'users'), `${user}:{SHA}${digest}\n`)
  const config = path.join(directory, 'apache.conf')
  writeFileSync(config, buildConfig(directory, port, buildSite(directory), hasTls))
  const server = spawn('/usr/sbin/apache2', ['-D', 'FOREGROUND', '-f', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  server.stderr.on('data', (text) => {
    said = `${said}${text}`.slice(-10_000)
  })
  const ended = once(server, 'exit')
  await until('Apache listens', async () => {
    if (server.exitCode !== null) throw new Error(said)
    return isOpen(port)
  })
  return {
    port,
    url: `http${hasTls ? 's' : ''}://127.0.0.1:${port}/dav`,
    user,
    password,
    certificate: new X509Certificate(tls.cert).fingerprint256.replaceAll(':', '').toLowerCase(),
    root,
    dropAll: () => killChildren(server.pid ?? 0),
    async stop() {
      server.kill()
      await ended
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
