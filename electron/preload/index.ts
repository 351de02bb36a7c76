import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { answerSchema } from '../../core/agent/answer.ts'
import { type Bridge, type CommandOutput, commands, events } from '../../core/agent/contract.ts'
import { desktopCommands } from '../../core/agent/desktop-contract.ts'

// Only names of the contract pass: the window can neither call nor hear anything else.
const commandNames = new Set([...Object.keys(commands), ...Object.keys(desktopCommands)])
const eventNames = new Set(Object.keys(events))

const bridge: Bridge = {
  call: async (command, input) => {
    if (!commandNames.has(command)) throw new Error(`no command ${command}`)
    const answer = answerSchema.parse(await ipcRenderer.invoke(command, input))
    if ('sentence' in answer) return Promise.reject(answer.sentence)
    // The main process has validated it with the command's own schema.
    return answer.output as CommandOutput<typeof command>
  },
  on: (event, listener) => {
    if (!eventNames.has(event)) throw new Error(`no event ${event}`)
    const forward = (_event: unknown, payload: Parameters<typeof listener>[0]) => listener(payload)
    ipcRenderer.on(event, forward)
    return () => void ipcRenderer.off(event, forward)
  },
  pathOfDropped: (file) => webUtils.getPathForFile(file),
}

contextBridge.exposeInMainWorld('holdfast', bridge)
