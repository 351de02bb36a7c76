import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startHoldfast } from '../../support/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const NO_BUS = 'Failed to connect to bus: No medium found'

test.skipIf(process.platform !== 'linux').each([
  ['', false],
  [', but one that was there stays', true],
])("a user's service is not left behind where its systemd cannot be reached%s", async (_, wasThere) => {
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
