import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { commitAtBuild, readCommit } from '../../../build/setup/bundle.mjs'
import { temporaryDirectory } from '../../support/temporary.ts'

const project = path.resolve(import.meta.dirname, '../../..')

/** Runs git in a directory, without the settings of this computer. */
function git(directory: string, ...words: string[]): string {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' }
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@b.invalid']
  return execFileSync('git', [...who, ...words], { cwd: directory, env, encoding: 'utf8' }).trim()
}

describe('the commit of a build', () => {
  test('is that of the checkout: of a branch, a packed one, a detached one, a worktree', () => {
    const checkout = temporaryDirectory('checkout')
    git(checkout, 'init', '-q', '-b', 'main')
    expect(readCommit(checkout)).toBeNull()
    git(checkout, 'commit', '-q', '--allow-empty', '-m', 'one')
    const first = git(checkout, 'rev-parse', 'HEAD').slice(0, 8)
    expect(readCommit(checkout)).toBe(first)
    git(checkout, 'pack-refs', '--all')
    expect(readCommit(checkout)).toBe(first)
    git(checkout, 'worktree', 'add', '-q', path.join(checkout, 'beside'), '-b', 'group/topic')
    git(path.join(checkout, 'beside'), 'commit', '-q', '--allow-empty', '-m', 'two')
    const second = git(path.join(checkout, 'beside'), 'rev-parse', 'HEAD').slice(0, 8)
    expect(readCommit(path.join(checkout, 'beside'))).toBe(second)
    git(checkout, 'checkout', '-q', '--detach', second)
    expect(readCommit(checkout)).toBe(second)
  })

  test('is unknown outside a checkout, also inside that of another project', () => {
    const checkout = temporaryDirectory('checkout')
    git(checkout, 'init', '-q')
    git(checkout, 'commit', '-q', '--allow-empty', '-m', 'one')
    mkdirSync(path.join(checkout, 'node_modules/holdfast'), { recursive: true })
    expect(readCommit(path.join(checkout, 'node_modules/holdfast'))).toBeNull()
  })

  test('is put into the version of a build', () => {
    const source = readFileSync(path.join(project, 'core/lib/build-name.ts'), 'utf8')
    const built = commitAtBuild.transform.handler(source)
    expect(built).toContain(`COMMIT: string | null = ${JSON.stringify(readCommit())}`)
  })
})
