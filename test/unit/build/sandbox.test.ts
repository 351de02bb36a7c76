import { expect, test } from 'vitest'
import { sandboxProblem } from '../../../build/setup/sandbox.mjs'

const plain = { uid: 1000, mode: 0o100755 }
const open = {
  restrictedByAppArmor: '',
  hasProfile: false,
  unprivileged: '',
  most: '96365',
  helper: plain,
  file: '/opt/hold fast/chrome-sandbox',
}

test.each([
  ['no restriction is set', {}],
  ['all switches allow them', { restrictedByAppArmor: '0', unprivileged: '1' }],
  ['an AppArmor profile allows them', { restrictedByAppArmor: '1', hasProfile: true }],
])('Electron sandbox: with user namespaces the helper needs no rights: %s', (_why, facts) => {
  expect(sandboxProblem({ ...open, ...facts })).toBeNull()
})

test.each([
  ['AppArmor restricts them (Ubuntu 24.04)', { restrictedByAppArmor: '1' }],
  ["Debian's switch disables them", { unprivileged: '0' }],
  ['their maximum is 0', { most: '0' }],
])('Electron sandbox: without user namespaces the helper must belong to root: %s', (_why, facts) => {
  const said = (helper: typeof plain | null) => sandboxProblem({ ...open, ...facts, helper })
  for (const helper of [plain, { uid: 0, mode: 0o100755 }, { uid: 1000, mode: 0o104755 }]) {
    expect(said(helper)).toContain(
      "sudo chown root:root '/opt/hold fast/chrome-sandbox' && sudo chmod 4755 '/opt/hold fast/chrome-sandbox'",
    )
  }
  expect(said({ uid: 0, mode: 0o104755 })).toBeNull()
  expect(said(null)).toBeNull()
})
