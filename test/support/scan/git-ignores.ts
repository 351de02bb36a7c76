import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { temporaryDirectory } from '../temporary.ts'

/** The paths that git itself leaves out by these patterns; a directory's path ends with "/". */
export function gitIgnores(patterns: readonly string[], paths: readonly string[]): string[] {
  const root = temporaryDirectory('git-ignores')
  execFileSync('git', ['init', '--quiet', root])
  writeFileSync(path.join(root, '.gitignore'), patterns.map((one) => `${one}\n`).join(''))
  const words = ['-C', root, 'check-ignore', '--no-index', '-z', '--stdin']
  const { stdout } = spawnSync('git', words, { input: paths.join('\0'), encoding: 'utf8' })
  return stdout.split('\0').filter((one) => one !== '')
}
