// Plugins of the build of the command line; the first one also of the desktop's processes. Each process loads less at
// its start.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { errorCode, inProject } from './project.mjs'

/** Most processes need the texts of one language or of none. As object literals, they would take longer to load. */
export const textsOnDemand = {
  name: 'texts-on-demand',
  load: {
    filter: { id: /assets.locales.[\w-]+.index\.ts$/ },
    /** @param {string} id the language's module, which merges the files beside it. */
    handler(id) {
      const directory = path.dirname(id)
      const names = readdirSync(directory).filter((name) => name.endsWith('.json'))
      const files = names.map((name) => readFileSync(`${directory}/${name}`, 'utf8'))
      const texts = Object.assign({}, ...files.map((text) => JSON.parse(text)))
      return `export const texts = () => JSON.parse(${JSON.stringify(JSON.stringify(texts))})`
    },
  },
}

const COMMIT_DIGITS = 8

/** Returns the commit that is checked out here, shortened; null: this is no checkout. Reads git's files, as git may be missing. */
export function readCommit(root = inProject()) {
  /** @param {string[]} place */
  const read = (...place) => {
    try {
      return readFileSync(path.join(...place), 'utf8').trim()
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(error) ?? '')) return null
      throw error
    }
  }
  // A worktree has a file here, which names its directory.
  const [, elsewhere] = /^gitdir: (.+)$/.exec(read(root, '.git') ?? '') ?? []
  const git = path.resolve(root, elsewhere ?? '.git')
  const common = path.resolve(git, read(git, 'commondir') ?? '.')
  const head = read(git, 'HEAD') ?? ''
  const [, branch] = /^ref: (.+)$/.exec(head) ?? []
  const packed = () =>
    read(common, 'packed-refs')
      ?.split('\n')
      .find((line) => line.endsWith(` ${branch}`))
  const commit = branch === undefined ? head : (read(common, branch) ?? packed() ?? '')
  return /^[0-9a-f]{40}/.test(commit) ? commit.slice(0, COMMIT_DIGITS) : null
}

/** Builds get the name of their commit, as versions change rarely. */
export const commitAtBuild = {
  name: 'commit-at-build',
  transform: {
    filter: { id: /core.lib.build-name\.ts$/ },
    /** @param {string} code */
    handler: (code) =>
      code.replace(/(?<=COMMIT(?:: string \| null)? = )null/, () => JSON.stringify(readCommit())),
  },
}

/** An ES module that imports node:http reads all its exports, and one loads Node's WebSocket client: 30 ms. */
export const httpOnDemand = {
  name: 'http-on-demand',
  resolveId: { filter: { id: /^(?:node:)?http$/ }, handler: () => '\0http' },
  load: {
    filter: { id: /^\0http$/ },
    handler: () => "module.exports = process.getBuiltinModule('node:http')",
  },
}
