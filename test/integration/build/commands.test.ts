import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { parseSync, Visitor } from 'rolldown/utils'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'
import { bareEnvironment, makeCheckout } from './checkout.ts'

const run = promisify(execFile)

/** A registry that nobody answers at: whoever asks it fails at once. */
const nowhere = { npm_config_registry: 'http://127.0.0.1:9/', npm_config_update_notifier: 'false' }

/** For Node.js: runs as one that cannot replace its process. */
const withoutExec = ['--import', 'data:text/javascript,process.execve = undefined']

interface Started {
  child: ChildProcess
  output(): string
  /** The exit code, or the signal that ended it. */
  ended: Promise<number | string>
}

function start(command: string, words: string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Started {
  const child = spawn(command, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? -1))
  })
  return { child, output: () => output, ended }
}

/** What the small checkout's application said when it started. */
const report = (output: string): { words: string[]; node: string; pid: number } | null => {
  const line = output.split('\n').find((one) => one.startsWith('{"words"'))
  return line === undefined ? null : JSON.parse(line)
}

test('start script: without a display the agent runs in the terminal, and a message is printed', async () => {
  const checkout = await makeCheckout(temporaryDirectory('checkout'))
  const elsewhere = temporaryDirectory('elsewhere')
  const env = bareEnvironment(checkout, { INIT_CWD: elsewhere })
  const { output, ended } = start('node', ['build/start.mjs', 'data', '/srv'], {
    cwd: checkout,
    env,
  })
  expect(await ended).toBe(0)
  expect(report(output())?.words).toEqual(['agent', '--', path.join(elsewhere, 'data'), '/srv'])
  expect(output()).toContain('There is no display')
})

test('`npx holdfast`: the checkout runs without network, with unchanged arguments and exit code', async () => {
  const checkout = await makeCheckout(temporaryDirectory('checkout'))
  const env = bareEnvironment(checkout, { ...nowhere, npm_config_cache: path.join(checkout, 'npm-cache') })
  const { output, ended } = start('npx', ['holdfast', 'status', '--json', 'two words', 'exit-3'], {
    cwd: checkout,
    env,
  })
  expect(await ended).toBe(3)
  expect(report(output())).toMatchObject({
    words: ['status', '--json', 'two words', 'exit-3'],
    node: process.version,
  })
})

test('launcher: the program is rebuilt after a source change, and a short command starts no further process', async () => {
  const checkout = await makeCheckout(temporaryDirectory('checkout'))
  const env = bareEnvironment(checkout)
  const said = async (word: string) => {
    const { output, ended } = start('node', ['build/holdfast.mjs', word], { cwd: checkout, env })
    await ended
    return output().trim()
  }
  mkdirSync(path.join(checkout, 'cli/workers'))
  const file = path.join(checkout, 'cli/holdfast.ts')
  const source = (text: string) =>
    `import { STATUS_CODES } from 'node:http'
    const text: string = '${text}'
    const webSockets = process.moduleLoadList.filter((name) => name.includes('undici')).length
    console.log(text, STATUS_CODES[200], webSockets, import.meta.url, process.ppid)`
  writeFileSync(file, source('one'))
  const first = await said('status')
  expect(first).toMatch(/^one OK 0 file:.*\/out\/cli\/[0-9a-f]+\/holdfast\.js /)
  expect(first.endsWith(String(process.pid))).toBe(true)
  writeFileSync(file, source('two!'))
  expect(await said('status')).toMatch(/^two! OK 0 file:/)
})

test('launcher: compiled code is cached for the next command, and an unwritable cache is ignored', async () => {
  const checkout = await makeCheckout(temporaryDirectory('checkout'))
  const cache = path.join(temporaryDirectory('cache'), 'own')
  const run = (directory: string) => {
    const env = bareEnvironment(checkout, { HOLDFAST_CACHE: directory })
    return start('node', ['build/holdfast.mjs', 'exit-3'], { cwd: checkout, env })
  }
  expect(await run(cache).ended).toBe(3)
  expect(readdirSync(path.join(cache, 'compiled'))).not.toEqual([])
  const refused = run('/dev/null/none')
  expect(await refused.ended).toBe(3)
  expect(report(refused.output())?.words).toEqual(['exit-3'])
})

test.each([
  ['SIGTERM', []],
  ['SIGTERM', withoutExec],
  ['SIGINT', withoutExec],
] as const)(
  "launcher: %s reaches the program, and the program's exit code is returned; options of Node.js: %j",
  async (signal, options) => {
    const checkout = await makeCheckout(temporaryDirectory('checkout'))
    const env = bareEnvironment(checkout)
    const words = [...options, 'build/holdfast.mjs', 'stay']
    const { child, output, ended } = start('node', words, { cwd: checkout, env })
    const { pid } = await until('the program to run', () => report(output()))
    expect(pid === child.pid).toBe(options.length === 0)
    child.kill(signal)
    expect(await ended).toBe(7)
    expect(output()).toContain(signal)
  },
)

test('launcher: a program that is ended by a signal ends the launcher by the same signal', async () => {
  const checkout = await makeCheckout(temporaryDirectory('checkout'))
  const env = bareEnvironment(checkout)
  const words = [...withoutExec, 'build/holdfast.mjs', 'stay']
  const { output, ended } = start('node', words, { cwd: checkout, env })
  const { pid } = await until('the program to run', () => report(output()))
  process.kill(pid, 'SIGHUP')
  expect(await ended).toBe('SIGHUP')
})

/** A process that has ended and whose new parent has not heard of it yet (Z) does not run. */
const isRunning = (pid: number) => {
  try {
    return !/^State:\sZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const root = path.join(import.meta.dirname, '../../..')
const store = (base: string) => [
  'receive',
  '--store',
  path.join(base, 'store'),
  '--host',
  '127.0.0.1',
  '--port',
  '0',
]

test.skipIf(process.platform !== 'linux').each([
  ['receive', store, /127\.0\.0\.1:/],
  [
    'agent',
    (base: string) => ['agent', '--data', path.join(base, 'data')],
    /Holdfast is running in this terminal/,
  ],
] as const)(
  'launcher: `holdfast %s` whose launcher is killed ends and releases its lock (/proc)',
  async (_, wordsIn, started) => {
    const words = [...withoutExec, 'build/holdfast.mjs', ...wordsIn(temporaryDirectory('launched'))]
    const begin = () => start('node', words, { cwd: root, env: bareEnvironment(temporaryDirectory('bare')) })
    const { child, output } = begin()
    await until('it to run', () => started.test(output()))
    const program = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim())
    expect(isRunning(program)).toBe(true)
    child.kill('SIGKILL')
    await until('the program to end', () => !isRunning(program))
    const next = begin()
    await until('the next one to run', () => started.test(next.output()))
  },
)

test.skipIf(process.platform !== 'linux')('`npm start`: ending npm ends the program (/proc)', async () => {
  const env = bareEnvironment(temporaryDirectory('bare'), { HOLDFAST_HOME: temporaryDirectory('launched') })
  const { child, output, ended } = start('npm', ['start'], { cwd: root, env })
  await until('the agent to run', () => output().includes('Holdfast is running in this terminal'))
  const program = findDescendant(child.pid ?? -1, 'agent')
  onTestFinished(() => {
    if (isRunning(program)) process.kill(program, 'SIGKILL')
  })
  child.kill('SIGTERM')
  await ended
  await until('the program to end', () => !isRunning(program))
})

/** Returns the first process below another one that has this word in its command line. */
function findDescendant(parent: number, word: string): number {
  const words = readFileSync(`/proc/${parent}/cmdline`, 'utf8').split('\0')
  if (words.includes(word)) return parent
  const [child] = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').split(' ')
  if (!child) throw new Error(`no process below ${parent} has ${word}`)
  return findDescendant(Number(child), word)
}

test('start script: with a display but no Electron the agent runs in the terminal, and the reason is printed', async () => {
  const checkout = await makeCheckout(temporaryDirectory('checkout'))
  const env = bareEnvironment(checkout, {
    ...nowhere,
    DISPLAY: ':7',
    ELECTRON_MIRROR: 'http://127.0.0.1:9/',
    electron_config_cache: path.join(checkout, 'electron-cache'),
  })
  const { output, ended } = start('node', ['build/start.mjs', '/srv'], { cwd: checkout, env })
  expect(await ended, output()).toBe(0)
  expect(report(output())?.words).toEqual(['agent', '--', '/srv'])
  expect(output()).toMatch(/Electron .* could not be downloaded: .*\n?.*in this terminal/)
})

test.skipIf(process.platform !== 'linux')(
  'command output: a failed write is an error, and a closed pipe is not (/dev/full)',
  async () => {
    const root = path.join(import.meta.dirname, '../../..')
    const data = temporaryDirectory('printed')
    const shell = (words: string) =>
      start('bash', ['-c', `set -o pipefail; node build/holdfast.mjs ${words}`], {
        cwd: root,
        env: { ...process.env, HOLDFAST_HOME: data },
      })
    const names = Array.from({ length: 5_000 }, (_, index) => `file-${index}`)
    const source = path.join(data, 'source')
    mkdirSync(source)
    for (const name of names) writeFileSync(path.join(source, name), '')
    for (const words of [
      '--help',
      `send --list ${source}`,
      `paths --data ${data}`,
      'status --json --help',
      'agent --help',
      'receive -h',
      `receive --json show --data ${data}`,
    ]) {
      const full = shell(`${words} > /dev/full`)
      expect(await full.ended, words).toBe(1)
    }
    // Of these 1 would say that something is damaged.
    for (const words of ['verify --help', 'restore --help']) {
      const full = shell(`${words} > /dev/full`)
      expect(await full.ended, words).toBe(2)
    }
    const head = shell(`send --list ${source} | head -1`)
    expect(await head.ended, head.output()).toBe(0)
    expect(head.output().trim().split('\n')).toHaveLength(1)
  },
)

test('set-up script: a repeated run finds everything installed and starts no other program', async () => {
  const checkout = await makeCheckout(temporaryDirectory('checkout'))
  // No npm, no apt-get and no shell: a run that needs one fails.
  const programs = temporaryDirectory('programs')
  symlinkSync(process.execPath, path.join(programs, 'node'))
  const env = { ...bareEnvironment(checkout), PATH: programs }
  for (let round = 0; round < 2; round += 1) {
    const { stdout, stderr } = await run(process.execPath, ['build/setup.mjs'], { cwd: checkout, env })
    expect(stdout + stderr).toMatch(/^Node\.js: \S+\n$/)
  }
})

test('command build: a build leaves everything beside its directory, and runs on Node.js 20', async () => {
  const parent = temporaryDirectory('builds')
  const beside = Array.from({ length: 15 }, (_, index) => `own-${index}`)
  for (const name of beside) mkdirSync(path.join(parent, name))
  const script = path.resolve(import.meta.dirname, '../../../build/setup/command.mjs')
  const built = path.join(parent, 'built')
  await run(process.execPath, [script, built])
  expect(readdirSync(parent).sort()).toEqual(['built', ...beside].sort())
  // Short commands run on the user's Node.js, and version 20 does not have this declaration.
  const using: string[] = []
  for (const name of readdirSync(built)) {
    new Visitor({
      VariableDeclaration({ kind, start }) {
        if (kind.endsWith('using')) using.push(`${name}:${start}`)
      },
    }).visit(parseSync(name, readFileSync(path.join(built, name), 'utf8')).program)
  }
  expect(using).toEqual([])
})
