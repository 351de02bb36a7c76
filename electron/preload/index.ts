import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { type Bridge, commands, desktopCommands, events } from '../../core/agent/contract.ts'

// Only names of the contract pass: the window can neither call nor hear anything else.
const commandNames = new Set([...Object.keys(commands), ...Object.keys(desktopCommands)])
const eventNames = new Set(Object.keys(events))

const bridge: Bridge = {
  call: (command, input) => {
    if (!commandNames.has(command)) return Promise.reject(new Error(`no command ${command}`))
    return ipcRenderer.invoke(command, input)
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
