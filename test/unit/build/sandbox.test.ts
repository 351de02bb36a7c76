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
  ['nothing says otherwise', {}],
  ['all switches say so', { restrictedByAppArmor: '0', unprivileged: '1' }],
  ['a profile of AppArmor allows it', { restrictedByAppArmor: '1', hasProfile: true }],
])('user namespaces can be had where %s: nothing is asked of the helper', (_why, facts) => {
  expect(sandboxProblem({ ...open, ...facts })).toBeNull()
})

test.each([
  ['AppArmor keeps them from programs (Ubuntu 24.04)', { restrictedByAppArmor: '1' }],
  ["Debian's switch is off", { unprivileged: '0' }],
  ['there may be none', { most: '0' }],
])('%s: the helper must be root’s, and the words say how', (_why, facts) => {
  const said = (helper: typeof plain | null) => sandboxProblem({ ...open, ...facts, helper })
  for (const helper of [plain, { uid: 0, mode: 0o100755 }, { uid: 1000, mode: 0o104755 }]) {
    expect(said(helper)).toContain(
      "sudo chown root:root '/opt/hold fast/chrome-sandbox' && sudo chmod 4755 '/opt/hold fast/chrome-sandbox'",
    )
  }
  expect(said({ uid: 0, mode: 0o104755 })).toBeNull()
  expect(said(null)).toBeNull()
})
