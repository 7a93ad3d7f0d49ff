# The build of the server, and which proxies and repositories are out of date (REST does not show it, of repositories
# up to v7). Changes nothing.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$module = Join-Path $env:ProgramFiles 'Veeam/Backup365/Veeam.Archiver.PowerShell/Veeam.Archiver.PowerShell.psd1'
if (-not (Test-Path -LiteralPath $module)) {
    $module = 'Veeam.Archiver.PowerShell'
}
Import-Module $module
Connect-VBOServer
try {
    $version = ''
    if (Get-Command Get-VBOVersion -ErrorAction SilentlyContinue) {
        $version = "$((Get-VBOVersion).ProductVersion)"
    }
    $proxies = @(foreach ($proxy in @(Get-VBOProxy)) {
            $build = $null
            if ($proxy.PSObject.Properties['Version'] -and $proxy.Version) {
                $build = "$($proxy.Version)"
            }
            @{ host = "$($proxy.Hostname)"; outdated = [bool]$proxy.IsOutdated; version = $build }
        })
    $repositories = @(foreach ($repository in @(Get-VBORepository)) {
            @{ id = "$($repository.Id)"; outdated = [bool]$repository.IsOutdated }
        })
} finally {
    Disconnect-VBOServer
}
$document = @{ version = $version; proxies = $proxies; repositories = $repositories }
[Console]::Out.WriteLine(($document | ConvertTo-Json -Compress -Depth 4))
