import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  findProgram,
  type Scope,
  type ServiceDefinition,
  type ServiceName,
} from '../../../cli/agent/service/definition.ts'
import { buildPlan } from '../../../cli/agent/service/plan.ts'
import { quoteArgument } from '../../../cli/agent/service/windows.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const program = findProgram(path.join(root, 'out/cli/0123456789abcdef/holdfast.js'))

const buildFacts = (name: ServiceName, scope: Scope, directory = '/srv/hold fast'): ServiceDefinition => ({
  name,
  scope,
  program,
  directory,
  config: '/etc/holdfast/receive.json',
  user: 'holdfast',
})

/** Writes the unit under its own name; gives its path and its text. */
function unit(service: ServiceDefinition): { file: string; text: string } {
  const plan = buildPlan('linux', service)
  const file = path.join(temporaryDirectory('unit'), path.basename(plan?.file ?? ''))
  const text = plan?.text ?? ''
  writeFileSync(file, text)
  return { file, text }
}

const systemd = (...words: string[]) =>
  execFileSync('systemd-analyze', words, {
    encoding: 'utf8',
    stdio: 'pipe',
    env: { ...process.env, XDG_RUNTIME_DIR: temporaryDirectory('runtime') },
  })

const both: [ServiceName, Scope][] = [
  ['agent', 'user'],
  ['agent', 'system'],
  ['receive', 'user'],
  ['receive', 'system'],
]

test('service program: a checkout starts its source, a package its script', () => {
  expect(program).toEqual([process.execPath, path.join(root, 'cli/holdfast.ts')])
  const installed = '/usr/lib/holdfast/holdfast.js'
  expect(findProgram(installed)).toEqual([process.execPath, installed])
})

describe.skipIf(process.platform !== 'linux')('systemd units (Linux)', () => {
  test.each(both)('the unit of %s for the %s passes systemd-analyze verify', (name, scope) => {
    const { file } = unit(buildFacts(name, scope))
    expect(systemd(...(scope === 'user' ? ['--user'] : []), 'verify', '--man=no', file)).toBe('')
  })

  // What makes a mount namespace is the receiver's alone (below), and a user's systemd can make none.
  test.each([
    ['receive', 'system', 16],
    ['agent', 'system', 37],
    ['receive', 'user', 64],
    ['agent', 'user', 64],
  ] as const)('the exposure of the unit of %s for the %s is at most %i tenths', (name, scope, most) => {
    const { file } = unit(buildFacts(name, scope))
    // It fails above the threshold.
    expect(systemd('security', '--offline=true', `--threshold=${most}`, file)).toContain('exposure level')
  })

  test('the system unit of the agent makes no mount namespace', () => {
    const { text } = unit(buildFacts('agent', 'system', '/var/lib/holdfast-agent'))
    expect(text).not.toMatch(/^(Protect|Private|ReadWritePaths|ReadOnlyPaths|Inaccessible|Temporary|Bind)/m)
    expect(text).toContain('agent --data /var/lib/holdfast-agent\n')
    expect(text).toMatch(/^User=holdfast$/m)
  })

  test('the system unit of the agent grants only CAP_LEASE, its user unit no capability', () => {
    const { text } = unit(buildFacts('agent', 'system'))
    expect(text).toMatch(/^CapabilityBoundingSet=CAP_LEASE$/m)
    expect(text).toMatch(/^AmbientCapabilities=CAP_LEASE$/m)
    expect(unit(buildFacts('agent', 'user')).text).not.toContain('Capabilit')
  })

  test('a store path with special characters is escaped for systemd', () => {
    const store = path.join(temporaryDirectory('odd'), 'a "b" 100% $c')
    mkdirSync(store)
    const { file, text } = unit(buildFacts('receive', 'system', store))
    expect(text).toContain('a \\"b\\" 100%% $c"')
    expect(systemd('verify', '--man=no', file)).toBe('')
  })
})

test('launchd: the property list has a string for each argument and keeps the service alive', () => {
  const plan = buildPlan('darwin', buildFacts('agent', 'user', '/Users/a & b/data'))
  expect(plan?.file).toMatch(/\/Library\/LaunchAgents\/app\.holdfast\.agent\.plist$/)
  const words = [...(plan?.text ?? '').matchAll(/^ {4}<string>(.*)<\/string>$/gm)].map(([, word]) => word)
  expect(words).toEqual([...program, 'agent', '--data', '/Users/a &amp; b/data'])
  expect(plan?.text).toContain('<key>KeepAlive</key><true/>')
  // launchctl also prints a service that launchd will start again.
  expect('\tstate = running\n').toMatch(plan?.running ?? /never/)
  expect('\tstate = spawn scheduled\n').not.toMatch(plan?.running ?? /./)
  const user = '<key>UserName</key><string>holdfast</string>'
  expect(buildPlan('darwin', buildFacts('receive', 'system'))?.text).toContain(user)
})

test('Windows task: it starts with the computer or at logon, without a time limit and without a window', () => {
  const mine = buildPlan('win32', buildFacts('agent', 'user', 'C:\\Users\\a b\\data\\'))
  expect(mine?.text).toContain('<LogonTrigger/>')
  expect(mine?.text).toContain('agent --data &quot;C:\\Users\\a b\\data\\\\&quot;</Arguments>')
  expect(mine?.text).toContain('<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>')
  expect(mine?.start[0]).toEqual(expect.arrayContaining(['/TN', 'Holdfast\\agent', '/XML', mine?.file]))
  expect(mine?.ask.at(-1)).toBe("(Get-ScheduledTask -TaskPath '\\Holdfast\\' -TaskName 'agent').State")
  expect('Running\r\n').toMatch(mine?.running ?? /never/)
  expect('Ready\r\n').not.toMatch(mine?.running ?? /./)
  const [command, words] = ['Command', 'Arguments'].map(
    (name) => new RegExp(`<${name}>(.*)</${name}>`).exec(mine?.text ?? '')?.[1],
  )
  expect(command).toBe('%SystemRoot%\\System32\\conhost.exe')
  expect(words).toMatch(/^--headless \S+ /)
  // The system's own session has no screen, and begins before anybody signs in.
  const system = buildPlan('win32', buildFacts('receive', 'system'))?.text
  expect(system).toMatch(/<BootTrigger\/>[\s\S]*S-1-5-18/)
  expect(system).not.toContain('conhost')
})

test.each([
  ['plain', 'plain'],
  ['two words', '"two words"'],
  ['say "so"', '"say \\"so\\""'],
  ['C:\\a b\\', '"C:\\a b\\\\"'],
  ['a\\"b', '"a\\\\\\"b"'],
])('Windows argument: %s is quoted as %s', (text, quoted) => expect(quoteArgument(text)).toBe(quoted))
