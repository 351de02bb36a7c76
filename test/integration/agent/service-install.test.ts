// @module-tag story
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const NO_BUS = 'Failed to connect to bus: No medium found'

test.skipIf(process.platform !== 'linux').each([
  ['', false],
  [', but one that was there stays', true],
])('`service install --user`: an unreachable systemd leaves no unit file behind%s', async (_, wasThere) => {
  const base = temporaryDirectory('service-install')
  const programs = path.join(base, 'bin')
  const unit = path.join(base, 'config/systemd/user/holdfast-agent.service')
  mkdirSync(programs)
  const systemctl = path.join(programs, 'systemctl')
  writeFileSync(systemctl, `#!/bin/sh\necho '${NO_BUS}' >&2\nexit 1\n`)
  chmodSync(systemctl, 0o755)
  if (wasThere) {
    mkdirSync(path.dirname(unit), { recursive: true })
    writeFileSync(unit, '')
  }
  const env = { PATH: `${programs}:${process.env.PATH}`, XDG_CONFIG_HOME: path.join(base, 'config') }
  const command = startHoldfast(['service', 'install', 'agent', '--user', '--data', base], env)
  expect(await command.ended()).toBe(1)
  expect(command.err()).toMatch(/No medium found\. .*Sign in as that user, not with su or sudo.*--system/)
  expect(existsSync(unit)).toBe(wasThere)
})

/** Programs of the system that say what a script has them say. */
function createSystem(base: string, scripts: Record<string, string>): { PATH: string } {
  for (const [name, script] of Object.entries(scripts))
    writeFileSync(path.join(base, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return { PATH: `${base}:${process.env.PATH}` }
}

test.skipIf(process.platform !== 'linux')(
  '`service install receive`: a failed installation leaves no configuration for the next attempt',
  async () => {
    const base = temporaryDirectory('service-install')
    const env = {
      ...createSystem(base, { systemctl: `echo '${NO_BUS}' >&2; exit 1` }),
      XDG_CONFIG_HOME: path.join(base, 'config'),
    }
    const words = ['service', 'install', 'receive', '--user', '--store', path.join(base, 'store')]
    expect(await startHoldfast(words, env).ended()).toBe(1)
    expect(existsSync(path.join(base, 'config/holdfast/receive.json'))).toBe(false)
  },
)

const SYSTEM_CONFIG = '/etc/holdfast/receive.json'
test.skipIf(process.getuid?.() !== 0 || process.platform !== 'linux' || existsSync(SYSTEM_CONFIG))(
  '`service install receive`: a foreign store is refused before a user or configuration is created (needs root)',
  async () => {
    const base = temporaryDirectory('service-install')
    const made = path.join(base, 'made')
    const env = createSystem(base, { id: 'exit 1', useradd: `touch ${made}` })
    const install = startHoldfast(['service', 'install', 'receive', '--system', '--store', base], env)
    expect(await install.ended()).toBe(1)
    expect(install.err()).toContain(`${base} does not belong to holdfast`)
    expect([existsSync(made), existsSync(SYSTEM_CONFIG)]).toEqual([false, false])
  },
)
