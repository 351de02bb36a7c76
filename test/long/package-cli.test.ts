import { execFile, execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { packageCommandLine } from '../../build/package/cli.mjs'
import manifest from '../../package.json' with { type: 'json' }
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)

/** Builds the package and unpacks it as dpkg would; gives the directory that stands for /. */
async function unpacked(base: string): Promise<{ root: string; deb: string }> {
  const [deb = ''] = await packageCommandLine(['deb'], path.join(base, 'built'))
  const root = path.join(base, 'root')
  execFileSync('dpkg-deb', ['-x', deb, root])
  return { root, deb }
}

test.skipIf(process.platform !== 'linux')(
  'Debian package of the command line: unpacked, it pairs, sends and receives without the checkout',
  async () => {
    const base = temporaryDirectory('package')
    const { root, deb } = await unpacked(base)
    const env = { PATH: '/usr/bin:/bin', HOME: base, HOLDFAST_HOME: path.join(base, 'data') }
    const holdfast = path.join(root, 'usr/bin/holdfast')
    const says = async (...words: string[]) => (await run(holdfast, words, { env, cwd: base })).stdout

    expect((await says('--version')).trim().split('+')[0]).toBe(manifest.version)
    const fields = execFileSync('dpkg-deb', ['-f', deb], { encoding: 'utf8' })
    expect(fields).toMatch(new RegExp(`^Package: holdfast\nVersion: ${manifest.version}\n`))
    const share = (name: string) => readFileSync(path.join(root, 'usr/share', name))
    expect(gunzipSync(share('man/man1/holdfast.1.gz')).toString()).toContain('.SS holdfast restore ')
    expect(share('bash-completion/completions/holdfast').toString()).toBe(await says('completion', 'bash'))
    expect(share('doc/holdfast/copyright').toString()).toMatch(/^koffi \d.*: MIT$/m)
    expect(readdirSync(root)).toEqual(['usr'])

    const store = path.join(base, 'store')
    const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', '0']
    const receiver = spawn(holdfast, words, { env, stdio: ['ignore', 'pipe', 'ignore'] })
    onTestFinished(() => void receiver.kill('SIGKILL'))
    let said = ''
    receiver.stdout.on('data', (chunk) => {
      said += chunk
    })
    const [code] = await until('a pairing code', () => /holdfast:\/\/\S+/.exec(said))
    // Who ends what was started ends the program: it is the same process.
    expect(readlinkSync(`/proc/${receiver.pid}/exe`)).toBe(path.join(root, 'usr/lib/holdfast/node'))
    expect(await says('pair', code)).toMatch(/^Next, .*: holdfast agent DIRECTORY$/m)
    const source = path.join(base, 'source')
    execFileSync('mkdir', [source])
    writeFileSync(path.join(source, 'measured'), 'all of it')
    const { sent } = JSON.parse(await says('send', '--once', '--json', source))
    expect(sent).toBe(1)
    const [sender = ''] = readdirSync(store).filter((name) => name !== '.holdfast')
    expect(readFileSync(path.join(store, sender, 'source/measured'), 'utf8')).toBe('all of it')
  },
  300_000,
)
