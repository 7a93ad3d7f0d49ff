# Makes the Remote Registry service start by itself and run. It ends itself after some idle minutes unless
# DisableIdleStop is set, so that is set too. A second run changes nothing.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$key = 'HKLM:\SYSTEM\CurrentControlSet\Services\RemoteRegistry'
Set-ItemProperty -LiteralPath $key -Name 'DisableIdleStop' -Value 1 -Type DWord
Set-Service -Name 'RemoteRegistry' -StartupType Automatic
if ("$((Get-Service -Name 'RemoteRegistry').Status)" -ne 'Running') {
    Start-Service -Name 'RemoteRegistry'
}
$service = Get-CimInstance -ClassName Win32_Service -Filter "Name='RemoteRegistry'"
if ("$($service.State)" -ne 'Running' -or "$($service.StartMode)" -ne 'Auto') {
    throw "Remote Registry is $($service.StartMode) and $($service.State) after the change."
}
[Console]::Out.WriteLine((@{ start = 'automatic'; state = 'running' } | ConvertTo-Json -Compress))
