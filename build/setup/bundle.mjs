// Plugins of the build of the command line; the first one also of the desktop's processes. Each process loads less at
// its start.
import { readdirSync, readFileSync } from 'node:fs'
import { inProject } from './project.mjs'

/**
 * Returns a function's code that parses all texts of a language. As object literals they would take longer.
 * @param {string} language
 */
function parsedTexts(language) {
  const directory = inProject('assets/locales', language)
  const names = readdirSync(directory).filter((name) => name.endsWith('.json'))
  const files = names.map((name) => readFileSync(`${directory}/${name}`, 'utf8'))
  const texts = Object.assign({}, ...files.map((text) => JSON.parse(text)))
  return `() => JSON.parse(${JSON.stringify(JSON.stringify(texts))})`
}

/** Most processes need the texts of one language or of none. */
export const textsOnDemand = {
  name: 'texts-on-demand',
  load: {
    filter: { id: /core.lib.i18n.dictionaries\.ts$/ },
    handler: () =>
      `export const english = ${parsedTexts('en')}\nexport const traditionalChinese = ${parsedTexts('zh-TW')}`,
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
